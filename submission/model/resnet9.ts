import type { BatchStatistics, BlockShape, Engine } from '../engine/engine.ts';
import { type Tensor, tf } from '../engine/tensorflow.ts';
import { mirroredGradients, mirroredWeights } from './mirror.ts';
import { PATCH } from './whitening.ts';

/**
 * ResNet-9 (David Page, cifar10-fast, final bag-of-tricks form): frozen patch whitening, pooling before batch norm,
 * celu, batch norm scales fixed at 1, global max pool, scaled logits. 379 million multiply-adds per image at width 1.
 *
 *     stem       [32, 32, 3]    -> [32, 32, c]       whitening and a learnt 1x1 projection, as one 3x3 convolution
 *     layer1                    -> [16, 16, 2c]      convolution, pool;  then residual1a, residual1b
 *     layer2                    -> [8, 8, 4c]        convolution, pool
 *     layer3                    -> [4, 4, 8c]        convolution, pool;  then residual3a, residual3b
 *     head       [8c]           -> [classes]
 */
export interface Architecture {
  /** Multiple of the channels 64, 128, 256, 512. */
  readonly width: number;
  readonly classes: number;
  readonly celuAlpha: number;
  readonly logitScale: number;
  /** Whether the network is mirror-equivariant: only half of its weights are stored, see mirror.ts. */
  readonly mirrorFilters?: boolean;
}

/**
 * Tensors by the name of a weight, float32: the trainable weights as they are stored, those that the network computes with
 * (`networkWeights`), or the gradients of either.
 */
export type Weights = Record<string, Tensor>;
/** Running statistics of every batch norm, by the name of its block. */
export type Statistics = Record<string, BatchStatistics>;
/** Frozen whitening filters, float32 [27, 27]: flattened patch, filter. */
export type Whitening = Tensor;

/** A network without its trainable weights: its architecture, its frozen filters, and the engine that computes it. */
export interface Network {
  readonly engine: Engine;
  readonly architecture: Architecture;
  readonly whitening: Whitening;
}

interface Convolution {
  readonly name: string;
  readonly in: number;
  readonly out: number;
  readonly pool: boolean;
}

/** The 3x3 convolutions after the stem, from input to output. */
export function convolutions(width: number): Convolution[] {
  const [c1, c2, c3, c4] = channels(width);
  return [
    { name: 'layer1', in: c1, out: c2, pool: true },
    { name: 'residual1a', in: c2, out: c2, pool: false },
    { name: 'residual1b', in: c2, out: c2, pool: false },
    { name: 'layer2', in: c2, out: c3, pool: true },
    { name: 'layer3', in: c3, out: c4, pool: true },
    { name: 'residual3a', in: c4, out: c4, pool: false },
    { name: 'residual3b', in: c4, out: c4, pool: false },
  ];
}

/**
 * Returns the channels after stem, layer1, layer2 and layer3: multiples of 16, the lanes of the widest vectors, so that a
 * width is the same network on every machine.
 */
export function channels(width: number): [number, number, number, number] {
  const round = (full: number) => Math.max(16, Math.round((full * width) / 16) * 16);
  return [round(64), round(128), round(256), round(512)];
}

/** Returns the multiply-adds of one forward pass over one image. */
export function multiplyAdds({ width, classes }: Pick<Architecture, 'width' | 'classes'>): number {
  const [c1, , , c4] = channels(width);
  let size = 32;
  let total = size * size * PATCH * c1 + c4 * classes;
  for (const { in: input, out, pool } of convolutions(width)) {
    total += size * size * 9 * input * out;
    if (pool) size /= 2;
  }
  return total;
}

/**
 * Returns initial weights: uniform in +-1/sqrt(inputs of a unit), PyTorch's default, which Page's recipe was tuned
 * with.
 *
 * @param diracInit whether the first output channels of a filter, as many as it has inputs, start as copies of them
 * (airbench)
 */
export function initialWeights(
  { width, classes, mirrorFilters }: Architecture,
  seed: number,
  diracInit = false,
): Weights {
  const [c1, , , c4] = channels(width);
  const stored = (size: number) => (mirrorFilters ? size / 2 : size);
  const weights: Weights = {};
  const uniform = (shape: number[], fanIn: number) => {
    const bound = 1 / Math.sqrt(fanIn);
    return tf.keep(
      tf.randomUniform(shape, -bound, bound, 'float32', seed * 1000 + Object.keys(weights).length),
    );
  };
  weights['stem.projection'] = uniform([PATCH, stored(c1)], PATCH);
  weights['stem.offset'] = tf.keep(tf.zeros([stored(c1)]));
  for (const { name, in: input, out } of convolutions(width)) {
    const filter = uniform([3, 3, input, stored(out)], 9 * input);
    weights[`${name}.filter`] = diracInit ? startingAsCopies(filter, stored(input)) : filter;
    weights[`${name}.offset`] = tf.keep(tf.zeros([stored(out)]));
  }
  weights.head = uniform([stored(c4), classes], c4);
  return weights;
}

/**
 * Sets the first `count` output channels of a filter to copies of the input channels of the same number. In a
 * mirror-equivariant network this holds for both halves.
 */
function startingAsCopies(filter: Tensor, count: number): Tensor {
  const [, , input, out] = filter.shape as [number, number, number, number];
  const values = filter.dataSync().slice();
  for (let tap = 0; tap < 9; tap += 1) {
    for (let from = 0; from < input; from += 1) {
      for (let to = 0; to < count; to += 1) {
        values[(tap * input + from) * out + to] = tap === 4 && from === to ? 1 : 0;
      }
    }
  }
  filter.dispose();
  return tf.keep(tf.tensor(values, filter.shape));
}

/** Returns zero mean and unit variance for every batch norm. */
export function initialStatistics({ width }: Architecture): Statistics {
  const [c1] = channels(width);
  const fresh = (size: number) => ({ mean: tf.keep(tf.zeros([size])), variance: tf.keep(tf.ones([size])) });
  return {
    stem: fresh(c1),
    ...Object.fromEntries(convolutions(width).map(({ name, out }) => [name, fresh(out)])),
  };
}

/**
 * Computes logits with the statistics of the batch, differentiable by the weights.
 *
 * @param weights from `networkWeights`
 * @param images float32 [batch, 32, 32, 3], normalised
 * @param onStatistics receives each batch norm's statistics, and must dispose of them
 * @returns float32 [batch, classes]
 */
export function trainingLogits(
  network: Network,
  weights: Weights,
  images: Tensor,
  onStatistics: ((block: string, statistics: BatchStatistics) => void) | null,
): Tensor {
  const shapeOf = blockShapes(network.architecture);
  return logits(network, weights, images, (name, x, filter, offset) =>
    network.engine.convBlock(
      x,
      filter,
      offset,
      { ...shapeOf(name), wantsInputGradient: name !== 'stem' },
      onStatistics && ((statistics) => onStatistics(name, statistics)),
    ),
  );
}

/** Computes logits with running statistics, for prediction. Weights and shapes as in `trainingLogits`. */
export function predictionLogits(
  network: Network,
  weights: Weights,
  statistics: Statistics,
  images: Tensor,
): Tensor {
  const shapeOf = blockShapes(network.architecture);
  return logits(network, weights, images, (name, x, filter, offset) =>
    network.engine.convBlockWith(x, filter, offset, statistics[name]!, shapeOf(name)),
  );
}

/** Applies the blocks in their order, for training and for prediction. */
function logits(
  { engine, architecture }: Network,
  weights: Weights,
  images: Tensor, // [batch, 32, 32, 3]
  block: (name: string, x: Tensor, filter: Tensor, offset: Tensor) => Tensor,
): Tensor {
  const next = (name: string, x: Tensor) =>
    block(name, x, weights[`${name}.filter`]!, weights[`${name}.offset`]!);

  // Logical shapes; the memory layout belongs to the engine.
  let x = next('stem', images); // [batch, 32, 32, c]
  x = next('layer1', x); // [batch, 16, 16, 2c]
  x = engine.residual(x, next('residual1b', next('residual1a', x)));
  x = next('layer2', x); // [batch, 8, 8, 4c]
  x = next('layer3', x); // [batch, 4, 4, 8c]
  x = engine.residual(x, next('residual3b', next('residual3a', x)));
  const features = engine.globalMaxPool(x); // [batch, 8c]
  // Blocks return celu / alpha; multiplied by alpha here.
  return tf.mul(
    tf.matMul(features as never, weights.head as never),
    architecture.logitScale * architecture.celuAlpha,
  );
}

/**
 * Returns the weights that the network computes with: those of all channels, and `stem.filter`, [3, 3, 3, c], in place of
 * `stem.projection`. They are linear in the stored weights, so `gradientsOfStored` needs no gradient tape.
 *
 * @returns new tensors, which the caller disposes of
 */
export function networkWeights({ engine, architecture, whitening }: Network, stored: Weights): Weights {
  return tf.tidy(() => {
    const { 'stem.projection': projection, ...others } = stored;
    // Whitening and projection are both linear, so one 3x3 convolution by their product replaces both.
    const product = tf.matMul(whitening as never, projection as never);
    const stem = tf.reshape(product, [3, 3, 3, projection!.shape[1]!]) as Tensor;
    const weights = { 'stem.filter': stem, ...others };
    return architecture.mirrorFilters ? mirroredWeights(engine, weights) : mapOf(weights, copy);
  });
}

/**
 * Returns the gradients of stored weights from those of the weights that `networkWeights` returns: its transpose.
 *
 * @returns new tensors, which the caller disposes of
 */
export function gradientsOfStored({ engine, architecture, whitening }: Network, gradients: Weights): Weights {
  return tf.tidy(() => {
    const stored = architecture.mirrorFilters ? mirroredGradients(engine, gradients) : mapOf(gradients, copy);
    const { 'stem.filter': stem, ...others } = stored;
    const ofProduct = tf.reshape(stem!, [PATCH, -1]);
    return {
      'stem.projection': tf.matMul(whitening as never, ofProduct as never, true) as Tensor,
      ...others,
    };
  });
}

const copy = (tensor: Tensor): Tensor => tensor.clone();
const mapOf = (weights: Weights, change: (tensor: Tensor) => Tensor): Weights =>
  Object.fromEntries(Object.entries(weights).map(([name, tensor]) => [name, change(tensor)]));

/** Returns the shape of each block by its name. */
function blockShapes({ celuAlpha, width }: Architecture): (name: string) => BlockShape {
  const pooled = new Set(convolutions(width).flatMap(({ name, pool }) => (pool ? [name] : [])));
  return (name) => ({ pool: pooled.has(name), alpha: celuAlpha });
}
