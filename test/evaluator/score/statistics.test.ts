import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { spreadOf, wilsonInterval } from '../../../evaluator/score/statistics.ts';

describe('the Wilson interval', () => {
  const z = 1.959963984540054;

  test('at an extreme is z²/(n + z²) wide', () => {
    expect(wilsonInterval(0, 10)).toEqual([0, expect.closeTo((z * z) / (10 + z * z), 7)]);
    expect(wilsonInterval(10, 10)).toEqual([expect.closeTo(10 / (10 + z * z), 7), 1]);
  });

  const proportion = fc
    .integer({ min: 1, max: 100_000 })
    .chain((total) => fc.tuple(fc.integer({ min: 0, max: total }), fc.constant(total)));

  test('contains the proportion and stays in [0, 1]', () => {
    fc.assert(
      fc.property(proportion, ([successes, total]) => {
        const [low, high] = wilsonInterval(successes, total);
        expect(low).toBeGreaterThanOrEqual(0);
        expect(high).toBeLessThanOrEqual(1);
        expect(low).toBeLessThanOrEqual(successes / total);
        expect(high).toBeGreaterThanOrEqual(successes / total);
      }),
    );
  });

  test('ends where the observed proportion is z standard errors from the true one', () => {
    fc.assert(
      fc.property(proportion, ([successes, total]) => {
        for (const p of wilsonInterval(successes, total)) {
          const error = Math.sqrt((p * (1 - p)) / total);
          if (p > 0 && p < 1) expect(Math.abs(successes / total - p)).toBeCloseTo(z * error, 6);
        }
      }),
    );
  });

  test('is mirrored for failures', () => {
    fc.assert(
      fc.property(proportion, ([successes, total]) => {
        const [low, high] = wilsonInterval(successes, total);
        const [mirrorLow, mirrorHigh] = wilsonInterval(total - successes, total);
        expect(mirrorLow).toBeCloseTo(1 - high, 10);
        expect(mirrorHigh).toBeCloseTo(1 - low, 10);
      }),
    );
  });
});

describe('the spread of runs', () => {
  test('of one run has a mean and no spread', () => {
    expect(spreadOf([0.85])).toEqual({ n: 1, mean: 0.85, standardDeviation: null, mean95: null });
  });

  test('of three runs uses Student’s t with two degrees of freedom', () => {
    const { mean, standardDeviation, mean95 } = spreadOf([0.8, 0.85, 0.9]);
    expect(mean).toBeCloseTo(0.85, 12);
    expect(standardDeviation).toBeCloseTo(0.05, 12);
    // t(0.975, 2) = 4.302653
    expect(mean95![1] - mean).toBeCloseTo((4.302653 * 0.05) / Math.sqrt(3), 6);
    expect(mean - mean95![0]).toBeCloseTo((4.302653 * 0.05) / Math.sqrt(3), 6);
  });
});
