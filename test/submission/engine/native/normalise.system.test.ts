import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { BlockShape } from '../../../../submission/engine/block.ts';
import { chooseEngine } from '../../../../submission/engine/engine.ts';
import * as native from '../../../../submission/engine/native/normalise.ts';
import { bool, free, type Raw, rawOf, runMany, tensorOf } from '../../../../submission/engine/ops.ts';
import * as stock from '../../../../submission/engine/stock/normalise.ts';
import { type Tensor, tf } from '../../../../submission/engine/tensorflow.ts';
import { describeNative, error } from '../../engines.ts';

const normal = (shape: number[], seed: number) => tf.randomNormal(shape, 0, 1, 'float32', seed) as Tensor;

function valuesOf(raw: Raw): number[] {
  const tensor = tensorOf(raw);
  const values = Array.from(tensor.dataSync());
  tensor.dispose();
  return values;
}

/** Whether the largest value of some 2x2 window is there twice: engines may then give its gradient to either. */
function hasTies(input: Tensor): boolean {
  const largest = tf.maxPool(input as never, 2, 2, 'valid');
  const repeated = tf.image.resizeNearestNeighbor(
    largest as never,
    input.shape.slice(1, 3) as [number, number],
  );
  const counts = tf.avgPool(tf.cast(tf.equal(input, repeated), 'float32') as never, 2, 2, 'valid');
  return tf.max(counts).dataSync()[0]! > 0.25;
}

/** Output, mean, variance, gradient to the input, gradient to the offset; each as numbers. */
function passes(
  engine: typeof native | typeof stock,
  input: Tensor,
  offset: Tensor,
  shape: BlockShape,
): number[][] {
  const forward = engine.normalise(rawOf(input), rawOf(offset), shape);
  const gradient = normal([...forward.output.shape], 99);
  const gradients = engine.normaliseGradient(rawOf(gradient), forward, shape);
  const results = [forward.output, forward.mean, forward.variance, gradients.input, gradients.offset].map(
    valuesOf,
  );
  free(...forward.saved.filter(({ id }) => id !== rawOf(input).id));
  return results;
}

describeNative('the native normalisation', () => {
  test('is near that of TensorFlow over shapes, pooled or not, wherever the mean lies', () => {
    const half = fc.integer({ min: 1, max: 6 });
    const shapes = fc.record({
      batch: fc.constantFrom(2, 3, 17),
      height: half,
      width: half,
      channels: fc.integer({ min: 1, max: 9 }).map((eighths) => 8 * eighths),
      pool: fc.boolean(),
      alpha: fc.constantFrom(0.3, 1),
      mean: fc.constantFrom(0, -3, 100),
      seed: fc.integer({ min: 1, max: 1e6 }),
    });
    fc.assert(
      fc.property(shapes, ({ batch, height, width, channels, pool, alpha, mean, seed }) => {
        tf.tidy(() => {
          const input = tf.add(normal([batch, 2 * height, 2 * width, channels], seed), mean) as Tensor;
          if (pool && hasTies(input)) return; // happens where the mean leaves few digits
          const [offset, shape] = [normal([channels], seed + 1), { pool, alpha, bfloat16: false }];
          const ours = passes(native, input, offset, shape);
          const theirs = passes(stock, input, offset, shape);
          // Gradients of few values can vanish. Far from zero the input itself has fewer digits behind the point, and of
          // few values two may be so near to each other that the gradient to them has few digits.
          const bound = mean === 100 ? 2e-3 : 1e-4;
          const isFew = batch * height * width * (pool ? 1 : 4) < 8;
          for (const [index, values] of ours.entries()) {
            const ofInput = index === 3 && isFew;
            expect(error(values, theirs[index]!, 1)).toBeLessThan(ofInput ? 300 * bound : bound);
          }
        });
      }),
      { numRuns: 60 },
    );
  });

  test('keeps the variance where the mean is ten thousand times as large', () => {
    tf.tidy(() => {
      const input = tf.add(tf.mul(normal([16, 4, 4, 8], 1), 0.5), 5000) as Tensor;
      const [, mean, variance] = passes(native, input, tf.zeros([8]), {
        pool: false,
        alpha: 1,
        bfloat16: false,
      });
      const columns = tf.moments(tf.sub(input, 5000), [0, 1, 2]);
      for (const [index, value] of columns.variance.dataSync().entries()) {
        expect(variance![index]! / ((value * 256) / 255)).toBeCloseTo(1, 3);
      }
      for (const value of mean!) expect(Math.abs(value - 5000)).toBeLessThan(0.2);
    });
  });

  test('gives the gradient of a window to the first of its largest', () => {
    tf.tidy(() => {
      const window = [3, 3, 1, 3]; // row by row: the first of three that are equal
      const input = tf.tensor(
        [...window, 0, 1, 2, 9].flatMap((value) => new Array(8).fill(value)),
        [2, 2, 2, 8],
      ) as Tensor;
      const shape = { pool: true, alpha: 1, bfloat16: false };
      const forward = native.normalise(rawOf(input), rawOf(tf.zeros([8])), shape);
      const gradients = native.normaliseGradient(rawOf(normal([2, 1, 1, 8], 5)), forward, shape);
      const places = valuesOf(gradients.input).map((value, index) =>
        value === 0 ? null : Math.floor(index / 8),
      );
      expect(new Set(places)).toEqual(new Set([null, 0, 7]));
    });
  });

  test.each([false, true])(
    'lets what is not a number through, so that training sees it; pooled: %s',
    (pool) => {
      tf.tidy(() => {
        const values = new Array(2 * 2 * 2 * 8).fill(0).map((_, index) => (index === 8 ? Number.NaN : index));
        const input = tf.tensor(values, [2, 2, 2, 8]) as Tensor;
        const [output] = passes(native, input, tf.zeros([8]), { pool, alpha: 0.3, bfloat16: false });
        expect(output!.every((value, index) => Number.isNaN(value) === (index % 8 === 0))).toBe(true);
      });
    },
  );

  test('gives the same bits with any number of threads', () => {
    tf.tidy(() => {
      const [input, offset] = [normal([33, 8, 8, 24], 1), normal([24], 2)];
      const [one, ...others] = [1, 2, 3, 5].map((threads) => {
        chooseEngine('native', threads);
        return passes(native, input, offset, { pool: true, alpha: 0.3, bfloat16: false });
      });
      for (const other of others) expect(other).toEqual(one);
    });
  });

  test('refuses shapes that do not belong together', () => {
    const raw = (shape: number[]) => rawOf(tf.zeros(shape));
    const pooled = { pool: true, alpha: 1, bfloat16: false };
    expect(() => native.normalise(raw([2, 3, 4, 8]), raw([8]), pooled)).toThrow(/even edges/);
    expect(() => native.normalise(raw([2, 4, 4, 9]), raw([9]), pooled)).toThrow(/multiples of 8/);
    expect(() => native.normalise(raw([2, 4, 4, 8]), raw([16]), pooled)).toThrow(
      /an offset for every channel/,
    );
    const forward = native.normalise(raw([2, 4, 4, 8]), raw([8]), pooled);
    expect(() => native.normaliseGradient(raw([2, 4, 4, 8]), forward, pooled)).toThrow(
      /do not belong together/,
    );
    const sgd = (...shapes: number[][]) =>
      runMany('HaetSgd', shapes.map(raw), [bool('centralized', true)], 2);
    expect(() => sgd([2, 3], [2, 3], [3, 2], [3])).toThrow(/one shape/);
    expect(() => sgd([], [], [], [3])).toThrow(/of an axis or more/);
    expect(() => sgd([2, 3], [2, 3], [2, 3], [2])).toThrow(/rate, momentum and decay/);
  });
});
