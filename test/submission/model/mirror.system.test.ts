import { describe, expect, test } from '@jest/globals';
import { type Tensor, tf } from '../../../submission/engine/tensorflow.ts';
import { mirroredGradients, mirroredWeights, pooledOverHalves } from '../../../submission/model/mirror.ts';
import {
  type Architecture,
  gradientsOfStored,
  initialStatistics,
  initialWeights,
  networkWeights,
  predictionLogits,
  type Statistics,
  trainingLogits,
  type Weights,
} from '../../../submission/model/resnet9.ts';
import { defaultSettings } from '../../../submission/settings.ts';
import { createTrainer } from '../../../submission/step.ts';
import { engineOf, engines, error, inBfloat16 } from '../engines.ts';

const plain: Architecture = { width: 0.125, classes: 4, celuAlpha: 0.3, logitScale: 1 / 16 };
const mirrored: Architecture = { ...plain, mirrorFilters: true };
const normal = (shape: number[], seed: number): Tensor => tf.randomNormal(shape, 0, 1, 'float32', seed);
const values = (tensor: Tensor) => Array.from(tensor.dataSync());

/** Returns random weights, also of the offsets, which start as zeros. */
function randomWeights(seed: number): Weights {
  const weights = initialWeights(mirrored, seed);
  for (const [index, name] of Object.keys(weights).entries()) {
    if (name.endsWith('.offset')) weights[name] = normal(weights[name]!.shape, 100 * seed + index);
  }
  return weights;
}

/** Mirrors a filter by the definition. */
function filterByDefinition(stored: Tensor): Tensor {
  const [onFirst, onSecond] = tf.split(stored, 2, 2) as [Tensor, Tensor];
  const second = tf.concat([tf.reverse(onSecond, 1), tf.reverse(onFirst, 1)], 2);
  return tf.concat([stored, second], 3);
}

describe.each(engines)('weights of all channels, %s', (name) => {
  const engine = engineOf(name);
  const stored: Weights = {
    'stem.filter': normal([3, 3, 3, 4], 1),
    'stem.offset': normal([4], 2),
    'layer1.filter': normal([3, 3, 8, 5], 3),
    'layer1.offset': normal([5], 4),
    head: normal([5, 4], 5),
  };

  /** Computes the weights of all channels by the definition. */
  function wholeByDefinition(weights: Weights): Weights {
    return Object.fromEntries(
      Object.entries(weights).map(([name, weight]) => {
        if (name === 'stem.filter') return [name, tf.concat([weight, tf.reverse(weight, 1)], 3) as Tensor];
        if (name.endsWith('.filter')) return [name, filterByDefinition(weight)];
        return [name, tf.concat([weight, weight], 0) as Tensor];
      }),
    );
  }

  test('are the stored half and its mirror image, with the halves of the input exchanged but for the stem', () => {
    const whole = mirroredWeights(engine, stored);
    const expected = wholeByDefinition(stored);
    expect(Object.keys(whole).sort()).toEqual(Object.keys(expected).sort());
    for (const [name, weight] of Object.entries(whole)) {
      expect(weight.shape).toEqual(expected[name]!.shape);
      expect(values(weight)).toEqual(values(expected[name]!));
    }
  });

  test('pass the sum of the gradients of both halves', () => {
    const names = Object.keys(stored);
    const weightings = Object.fromEntries(
      Object.entries(wholeByDefinition(stored)).map(([name, { shape }], index) => [
        name,
        normal(shape, 6 + index),
      ]),
    );
    const weighted = (...tensors: Tensor[]) => {
      const whole = wholeByDefinition(
        Object.fromEntries(names.map((name, index) => [name, tensors[index]!])),
      );
      return tf.addN(names.map((name) => tf.sum(tf.mul(whole[name]!, weightings[name]!))));
    };
    const expected = tf.grads(weighted as never)(names.map((name) => stored[name]!));
    const gradients = mirroredGradients(engine, weightings);
    for (const [index, name] of names.entries())
      expect(error(values(gradients[name]!), values(expected[index]!))).toBeLessThan(1e-6);
  });
});

describe.each(engines.filter((engine) => !inBfloat16(engine)))('mirror-equivariant network, %s', (name) => {
  const network = { engine: engineOf(name), architecture: mirrored, whitening: normal([27, 27], 4) };
  const images = normal([3, 32, 32, 3], 5);
  const mirrorImages = tf.reverse(images, 2);

  test('gives an image and its mirror image the same logits, with the same statistics for both halves', () => {
    const statistics: Statistics = Object.fromEntries(
      Object.entries(initialStatistics(mirrored)).map(([block, { mean, variance }], index) => {
        const half = [mean.shape[0]! / 2];
        const one = normal(half, 20 + index);
        const random = tf.concat([one, one], 0) as Tensor;
        return [block, { mean: random, variance: tf.add(tf.square(random), variance) as Tensor }];
      }),
    );
    const weights = networkWeights(network, randomWeights(1));
    const logits = (batch: Tensor) => values(predictionLogits(network, weights, statistics, batch));
    expect(error(logits(mirrorImages), logits(images))).toBeLessThan(1e-4);
  });

  test('gives them the same logits in training, in a batch with each image and its mirror image', () => {
    const batch = tf.concat([images, mirrorImages], 0);
    const weights = networkWeights(network, randomWeights(2));
    const [own, mirror] = tf.split(trainingLogits(network, weights, batch, null), 2, 0) as Tensor[];
    expect(error(values(mirror!), values(own!))).toBeLessThan(1e-4);
  });
});

test.each([false, true])(
  'the gradients of stored weights are the transpose of the whole weights, mirrorFilters=%s',
  (mirrorFilters) => {
    const architecture = { ...plain, mirrorFilters };
    const network = { engine: engineOf('stock'), architecture, whitening: normal([27, 27], 30) };
    const weights = initialWeights(architecture, 3);
    const whole = networkWeights(network, weights);
    const directions = Object.fromEntries(
      Object.entries(whole).map(([name, { shape }], index) => [name, normal(shape, 31 + index)]),
    );
    const gradients = gradientsOfStored(network, directions);
    expect(Object.keys(gradients).sort()).toEqual(Object.keys(weights).sort());
    const product = (left: Weights, right: Weights) =>
      Object.entries(left).reduce(
        (sum, [name, tensor]) => sum + (tf.sum(tf.mul(tensor, right[name]!)).dataSync()[0] as number),
        0,
      );
    expect(product(gradients, weights)).toBeCloseTo(product(directions, whole), 2);
    // The filter of the stem alone: a whitening without its transpose would be lost in the sum above.
    const only = (name: string) => ({ [name]: weights[name]! });
    const stem = tf.reshape(
      tf.matMul(network.whitening as never, weights['stem.projection'] as never),
      [3, 3, 3, -1],
    ) as Tensor;
    const wholeStem = mirrorFilters ? (tf.concat([stem, tf.reverse(stem, 1)], 3) as Tensor) : stem;
    expect(product(only('stem.projection'), gradients)).toBeCloseTo(
      product({ 'stem.filter': wholeStem }, directions),
      3,
    );
  },
);

test('statistics pooled over the halves are those of the values of both', () => {
  const samples = normal([1000, 6], 7); // of six channels, three pairs
  const { mean, variance } = tf.moments(samples, 0) as { mean: Tensor; variance: Tensor };
  const pairs = tf.concat(tf.split(samples, 2, 1) as never, 0) as Tensor; // [2000, 3]
  const expected = tf.moments(pairs, 0) as { mean: Tensor; variance: Tensor };
  const pooled = pooledOverHalves({ mean, variance });
  for (const name of ['mean', 'variance'] as const) {
    const half = values(expected[name]);
    expect(error(values(pooled[name]), [...half, ...half])).toBeLessThan(1e-5);
  }
});

/** Returns the weights of the plain network that a mirror-equivariant one is, for a whitening by the identity. */
function wholeWeightsOf(stored: Weights): Weights {
  return Object.fromEntries(
    Object.entries(stored).map(([name, weight]) => {
      if (name.endsWith('.filter')) return [name, tf.keep(filterByDefinition(weight))];
      if (name !== 'stem.projection') return [name, tf.keep(tf.concat([weight, weight], 0))];
      const stem = tf.reshape(weight, [3, 3, 3, -1]);
      return [name, tf.keep(tf.reshape(tf.concat([stem, tf.reverse(stem, 1)], 3), [27, -1]))];
    }),
  );
}

test.each([
  ['SGD', {}],
  ['SAM', { samEvery: 1, samRadius: 0.5 }],
  ['meta-learning', { metaStep: 0.1 }],
])(
  'a step of %s moves the weights as in the whole network, on images and their mirror images',
  (_, changes) => {
    const settings = { ...defaultSettings, optimizer: 'sgd', weightDecay: 0.05, ...changes };
    const labels = Uint8Array.of(0, 3, 0, 3);
    const images = normal([2, 32, 32, 3], 6);
    const batch = tf.concat([images, tf.reverse(images, 2)], 0).dataSync() as Float32Array;
    const targets = values(tf.oneHot(tf.tensor1d(labels, 'int32'), 4));
    const nextBatch = () => ({ images: batch.slice(), targets: Float32Array.from(targets), labels });
    const trainerOf = (architecture: Architecture, weights: Weights) =>
      createTrainer(
        { engine: engineOf('stock'), architecture, whitening: tf.eye(27) },
        weights,
        initialStatistics(architecture),
        nextBatch,
        settings,
      );
    const half = trainerOf(mirrored, initialWeights(mirrored, 3));
    const whole = trainerOf(plain, wholeWeightsOf(half.weights));
    const before = wholeWeightsOf(half.weights);
    for (let step = 0; step < 2; step += 1) {
      expect(half.step(0.1).loss).toBeCloseTo(whole.step(0.1).loss, 3);
    }
    const after = wholeWeightsOf(half.weights);
    for (const [name, weight] of Object.entries(whole.weights)) {
      const moved = (now: Tensor) => values(tf.sub(now, before[name]!));
      expect(error(moved(after[name]!), moved(weight))).toBeLessThan(0.01);
    }
  },
);
