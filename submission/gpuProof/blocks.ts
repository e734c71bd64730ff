import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { createEngine } from '../engine/createEngine.ts';
import type { Engine } from '../engine/engine.ts';
import { BFLOAT16, cast, FLOAT32, rawOf, tensorOf } from '../engine/ops.ts';
import { type Tensor, tf } from '../engine/tensorflow.ts';
import { channels, convolutions } from '../model/resnet9.ts';

const WIDTH = 0.25;
const BATCH = 16;
const CLASSES = 10;
const ALPHA = 0.3;

/** Forward and backward pass of a part of the network, with inputs that are the same in every process. */
export interface Block {
  readonly name: string;
  /** Returns all results, float32, by name. */
  compute(): Record<string, Tensor>;
}

/**
 * Returns every block of ResNet-9 at a small width, its head, and the updates of a training step, in float32 and in
 * bfloat16. They are computed by TensorFlow's ops, which are the ones that a GPU runs.
 */
export function proofBlocks(): Block[] {
  return [false, true].flatMap((bfloat16) => {
    const engine = createEngine({ engine: 'stock', bfloat16 }, 1);
    const blocks = [...convBlocks(engine), head(engine), ...(bfloat16 ? [] : [update(engine)])];
    return blocks.map(({ name, compute }) => ({
      name: `${name} in ${bfloat16 ? 'bfloat16' : 'float32'}`,
      compute: () => tf.tidy(compute),
    }));
  });
}

function convBlocks(engine: Engine): Block[] {
  const [c1] = channels(WIDTH);
  const stem = { name: 'stem', in: 3, out: c1, pool: false };
  let edge = 32;
  return [stem, ...convolutions(WIDTH)].map((convolution) => {
    const inputEdge = edge;
    if (convolution.pool) edge /= 2;
    return { name: convolution.name, compute: () => convBlock(engine, convolution, inputEdge) };
  });
}

function convBlock(
  engine: Engine,
  { name, in: input, out, pool }: { name: string; in: number; out: number; pool: boolean },
  edge: number,
): Record<string, Tensor> {
  const isData = name === 'stem';
  const outputEdge = pool ? edge / 2 : edge;
  const images = random([BATCH, edge, edge, input], 1);
  const x = isData ? images : activations(engine, images);
  const filter = random([3, 3, input, out], 2, 1 / Math.sqrt(9 * input));
  const offset = random([out], 3, 0.1);
  const outputGradient = activations(engine, random([BATCH, outputEdge, outputEdge, out], 4));
  const shape = { pool, alpha: ALPHA };
  let mean: Tensor | undefined;
  let variance: Tensor | undefined;
  const block = (image: Tensor, weights: Tensor, added: Tensor) =>
    engine.convBlock(image, weights, added, { ...shape, wantsInputGradient: !isData }, (statistics) => {
      ({ mean, variance } = statistics);
    });
  const inputs = isData ? [filter, offset] : [x, filter, offset];
  const { value, grads } = tf.valueAndGrads((...given: Tensor[]) =>
    isData ? block(x, given[0]!, given[1]!) : block(given[0]!, given[1]!, given[2]!),
  )(inputs, outputGradient);
  const [offsetGradient, filterGradient, inputGradient] = [...grads].reverse();
  const results = {
    output: asFloat32(value),
    mean: mean!.clone(),
    variance: variance!.clone(),
    'filter gradient': filterGradient!,
    'offset gradient': offsetGradient!,
    ...(inputGradient && { 'input gradient': asFloat32(inputGradient) }),
    prediction: asFloat32(
      engine.convBlockWith(x, filter, offset, { mean: mean!, variance: variance! }, shape),
    ),
  };
  tf.dispose([mean!, variance!]);
  return results;
}

/** The residual sum, the global maximum, the last product and the loss. */
function head(engine: Engine): Block {
  const [, , , c4] = channels(WIDTH);
  return {
    name: 'head',
    compute() {
      const shape: [number, number, number, number] = [BATCH, 4, 4, c4];
      const [x, branch] = [activations(engine, random(shape, 5)), activations(engine, random(shape, 6))];
      const weights = random([c4, CLASSES], 7, 1 / Math.sqrt(c4));
      const targets = tf.softmax(random([BATCH, CLASSES], 8));
      const loss = (a: Tensor, b: Tensor, w: Tensor) => {
        const features = engine.globalMaxPool(engine.residual(a, b));
        return engine.softmaxCrossEntropy(tf.matMul(features as never, w as never), targets);
      };
      const { value, grads } = tf.valueAndGrads(loss)([x, branch, weights]);
      return {
        loss: value,
        'input gradient': asFloat32(grads[0]!),
        'branch gradient': asFloat32(grads[1]!),
        'weight gradient': grads[2]!,
      };
    },
  };
}

/** The steps of both optimizers, mirrored weights and the average of the weights, which are float32 on every path. */
function update(engine: Engine): Block {
  return {
    name: 'update',
    compute() {
      const [weight, velocity, gradient] = [9, 10, 11].map((seed) => random([3, 3, 16, 32], seed));
      const updates = [{ weight: weight!, velocity: velocity!, gradient: gradient!, rate: 0.1, decay: 0.01 }];
      const options = { momentum: 0.9, gradientCentralization: true };
      const { weights, velocities } = engine.sgdStep(updates, options);
      const byMuon = engine.muonStep(updates, { ...options, iterations: 5 });
      const [average] = engine.average([weight!], [gradient!], 0.9);
      const [mirrored] = engine.mirror([weight!], true);
      const [folded] = engine.mirrorGradient([gradient!], true);
      return {
        weights: weights[0]!,
        velocities: velocities[0]!,
        'weights by Muon': byMuon.weights[0]!,
        average: average!,
        'mirrored weights': mirrored!,
        'gradient of mirrored weights': folded!,
      };
    },
  };
}

/** Returns uniformly distributed numbers of mean 0 and the given standard deviation, computed in JavaScript. */
function random(shape: number[], seed: number, deviation = 1): Tensor {
  const generator = xoroshiro128plus(seed);
  const values = new Float32Array(shape.reduce((product, size) => product * size, 1));
  const factor = (deviation * Math.sqrt(3)) / 2 ** 20;
  for (let index = 0; index < values.length; index += 1) {
    values[index] = factor * uniformInt(generator, -(2 ** 20), 2 ** 20);
  }
  return tf.tensor(values, shape);
}

/** Returns a tensor in the type that the engine's activations have. */
function activations(engine: Engine, tensor: Tensor): Tensor {
  return engine.path.bfloat16 ? tensorOf(cast(rawOf(tensor), BFLOAT16)) : tensor;
}

const asFloat32 = (tensor: Tensor): Tensor => tensorOf(cast(rawOf(tensor), FLOAT32));
