import { describe, expect, test } from '@jest/globals';
import { createEngine } from '../../../submission/engine/createEngine.ts';
import type { Path } from '../../../submission/engine/engine.ts';
import { backend } from '../../../submission/engine/ops.ts';
import { type Tensor, tf } from '../../../submission/engine/tensorflow.ts';
import { engineOf, engines, inBfloat16, lanesOf } from '../engines.ts';
import { fromPanels, inPanels } from '../panels.ts';

type Function = (...inputs: Tensor[]) => Tensor;

/**
 * Returns the largest difference between the gradient and central differences along random directions, as a share of
 * the gradient's length. It uses directions, because float32 is too imprecise for one coordinate at a time.
 */
function gradientError(scalar: Function, inputs: Tensor[], step: number): number {
  const gradients = tf.grads(scalar as never)(inputs);
  return Math.max(
    ...inputs.map((input, index) => {
      const scale = Math.sqrt(dot(gradients[index]!, gradients[index]!)) || 1;
      const errors = [1, 2, 3].map((seed) => {
        const noise = tf.randomNormal(input.shape, 0, 1, 'float32', seed);
        const direction = tf.div(noise, Math.sqrt(dot(noise, noise))) as Tensor;
        // Also along the gradient itself, where the slope is largest.
        const towards = seed === 1 ? (tf.div(gradients[index]!, scale) as Tensor) : direction;
        const at = (distance: number) => {
          const moved = inputs.map((other, position) =>
            position === index ? (tf.add(other, tf.mul(towards, distance)) as Tensor) : other,
          );
          return scalar(...moved).dataSync()[0]!;
        };
        const slope = (at(step) - at(-step)) / (2 * step);
        return Math.abs(slope - dot(gradients[index]!, towards)) / scale;
      });
      return Math.max(...errors);
    }),
  );
}

const dot = (a: Tensor, b: Tensor): number => tf.sum(tf.mul(a, b)).dataSync()[0]!;
const normal = (shape: number[], seed: number, deviation = 1) =>
  tf.randomNormal(shape, 0, deviation, 'float32', seed) as Tensor;

/** Returns a scalar that weights every element differently, so that no errors cancel. */
const weighed = (output: Tensor): Tensor => tf.sum(tf.mul(output, normal(output.shape, 99)));

const options = { pool: false, alpha: 0.3, wantsInputGradient: true };

describe.each(engines)('the %s engine', (name) => {
  const engine = engineOf(name);
  const { convBlock, convBlockWith, globalMaxPool, residual } = engine;
  const lanes = lanesOf(name);
  /** Returns NHWC images in the layout of the engine: three-channel images unchanged. */
  const placed = (images: Tensor) =>
    lanes !== null && images.shape[3]! % lanes === 0 ? inPanels(images, lanes) : images;
  /** Returns a block's output as NHWC. */
  const plain = (images: Tensor) => (lanes !== null ? fromPanels(images) : images);

  // Rounding to bfloat16 is larger than the differences; such a gradient is compared with that of float32 below.
  const shapes: [string, boolean, number[], number][] = [
    ['a pooled block', true, [4, 8, 8, 32], 16],
    ['a block without pooling', false, [3, 4, 4, 16], 32],
    ['a batch of one image', false, [1, 8, 8, 16], 16],
  ];
  for (const [title, pool, shape, out] of inBfloat16(name) ? [] : shapes) {
    test(`has the gradient of central differences: ${title}`, () => {
      const inputs = [normal(shape, 1), normal([3, 3, shape[3]!, out], 2, 0.3), normal([out], 3, 0.2)];
      const block: Function = (x, filter, offset) =>
        weighed(convBlock(placed(x!), filter!, offset!, { ...options, pool }, null));
      expect(gradientError(block, inputs, 1e-3)).toBeLessThan(2e-2);
    });
  }

  test('has the gradient of central differences for the parameters if the input is images', () => {
    const picture = normal([4, 8, 8, 3], 1);
    const block: Function = (filter, offset) =>
      weighed(convBlock(picture, filter!, offset!, { ...options, wantsInputGradient: false }, null));
    expect(gradientError(block, [normal([3, 3, 3, 16], 2, 0.3), normal([16], 3, 0.2)], 1e-3)).toBeLessThan(
      2e-2,
    );
  });

  test('computes convolution, pool, batch norm and celu / alpha like stock TensorFlow.js', () => {
    const [x, filter, offset] = [normal([4, 8, 8, 3], 1), normal([3, 3, 3, 16], 2), normal([16], 3)];
    const pooled = tf.maxPool(tf.conv2d(x as never, filter as never, 1, 'same') as never, 2, 2, 'valid');
    const { mean, variance } = tf.moments(pooled, [0, 1, 2]);
    const normed = tf.add(tf.div(tf.sub(pooled, mean), tf.sqrt(tf.add(variance, 1e-5))), offset);
    const celu = tf.add(tf.relu(normed), tf.minimum(0, tf.mul(0.3, tf.sub(tf.exp(tf.div(normed, 0.3)), 1))));
    const output = plain(convBlock(x, filter, offset, { ...options, pool: true }, null));
    expect(maximum(tf.sub(tf.mul(output, 0.3), celu))).toBeLessThan(1e-4);
  });

  test('gives the same output with given statistics as with equal batch statistics', () => {
    const [x, filter, offset] = [normal([4, 8, 8, 3], 1), normal([3, 3, 3, 16], 2), normal([16], 3)];
    const convolved = tf.conv2d(x as never, filter as never, 1, 'same');
    const { mean, variance } = tf.moments(convolved, [0, 1, 2]);
    const byBatch = convBlock(x, filter, offset, options, null);
    const byGiven = convBlockWith(x, filter, offset, { mean, variance } as never, options);
    expect(maximum(tf.sub(byBatch, byGiven))).toBeLessThan(1e-4);
  });

  test('reports the batch mean', () => {
    const [x, filter, offset] = [normal([4, 8, 8, 3], 1), normal([3, 3, 3, 16], 2), normal([16], 3)];
    let mean: Tensor | undefined;
    convBlock(x, filter, offset, options, (statistics) => (mean = statistics.mean));
    const expected = tf.mean(tf.conv2d(x as never, filter as never, 1, 'same'), [0, 1, 2]);
    expect(maximum(tf.sub(mean!, expected))).toBeLessThan(1e-4);
  });

  test('has the global max pool of plain TensorFlow.js, and the gradient of central differences', () => {
    const images = normal([3, 4, 6, 48], 5);
    expect(globalMaxPool(placed(images)).dataSync()).toEqual(tf.max(images, [1, 2]).dataSync());
    const pooled: Function = (x) => weighed(globalMaxPool(placed(x!)));
    expect(gradientError(pooled, [images], 1e-3)).toBeLessThan(1e-3);
  });

  test('gives both inputs of a residual the gradient, also if they are one tensor', () => {
    const x = normal([2, 4, 4, 8], 5);
    expect(gradientError((x) => weighed(residual(x!, tf.mul(x!, 2))), [x], 1e-2)).toBeLessThan(1e-3);
    expect(gradientError((x) => weighed(residual(x!, x!)), [x], 1e-2)).toBeLessThan(1e-3);
  });

  test('leaks no tensor', () => {
    const x = normal([2, 8, 8, 3], 1);
    const parameters = [
      normal([3, 3, 3, 16], 2),
      normal([16], 3),
      normal([3, 3, 16, 32], 4),
      normal([32], 5),
    ];
    const pass = () =>
      tf.tidy(() => {
        tf.grads(((...[stem, stemOffset, filter, offset]: [Tensor, Tensor, Tensor, Tensor]) => {
          const first = convBlock(x, stem, stemOffset, { ...options, wantsInputGradient: false }, null);
          return weighed(globalMaxPool(convBlock(first, filter, offset, { ...options, pool: true }, null)));
        }) as never)(parameters);
      });
    pass();
    const before = backend.getNumOfTFTensors();
    for (let repeat = 0; repeat < 10; repeat += 1) pass();
    expect(backend.getNumOfTFTensors()).toBe(before);
  });
});

const rounding: [string, Path][] = [
  ['stock', { engine: 'stock', bfloat16: true }],
  ...engines.filter(inBfloat16).map((engine): [string, Path] => [engine, { engine, bfloat16: true }]),
];
test.each(rounding)(
  'the %s engine in bfloat16 stays within its rounding of float32, forward and backward',
  (_, path) => {
    const inputs = [normal([4, 8, 8, 16], 1), normal([3, 3, 16, 16], 2, 0.1), normal([16], 3, 0.2)];
    const gradientsOf = (path: Path) => {
      const { convBlock, globalMaxPool, residual } = createEngine(path, 2);
      const lanes = lanesOf(path.engine);
      return tf.grads(((x: Tensor, filter: Tensor, offset: Tensor) => {
        const placed = lanes === null ? x : inPanels(x, lanes);
        const first = convBlock(placed, filter, offset, { ...options, pool: true }, null);
        return weighed(globalMaxPool(residual(first, first)));
      }) as never)(inputs);
    };
    const [exact, rounded] = [gradientsOf({ engine: 'stock', bfloat16: false }), gradientsOf(path)];
    // The gradient of the input is bfloat16, which only the engine reads; those of the weights are float32.
    for (const index of [1, 2]) {
      const cosine =
        dot(exact[index]!, rounded[index]!) /
        Math.sqrt(dot(exact[index]!, exact[index]!) * dot(rounded[index]!, rounded[index]!));
      expect(cosine).toBeGreaterThan(0.97);
      expect(maximum(tf.sub(exact[index]!, rounded[index]!))).toBeGreaterThan(0); // two different engines
    }
  },
);

test('softmaxCrossEntropy is the mean of -sum(target log softmax), and has its gradient', () => {
  const { softmaxCrossEntropy } = engineOf('stock');
  const logits = normal([6, 4], 1, 3);
  const targets = tf.softmax(normal([6, 4], 2, 3)) as Tensor;
  const expected = tf.neg(tf.mean(tf.sum(tf.mul(targets, tf.logSoftmax(logits)), 1)));
  expect(softmaxCrossEntropy(logits, targets).dataSync()[0]).toBeCloseTo(expected.dataSync()[0]!, 5);
  expect(gradientError((x) => softmaxCrossEntropy(x!, targets), [logits], 1e-2)).toBeLessThan(1e-3);
});

test('Add of stock tensors still broadcasts', () => {
  expect(Array.from(tf.add(tf.tensor([[1, 2]]), tf.tensor([[1], [3]])).dataSync())).toEqual([2, 3, 4, 5]);
});

const maximum = (difference: Tensor): number => tf.max(tf.abs(difference)).dataSync()[0]!;
