import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { pairedDifference } from '../../../evaluator/study/paired.ts';

test('an example worked by hand: differences of 1, 2 and 3 points', () => {
  // Mean 2, standard deviation 1; t(0.975, 2) = 4.302653 (any table); half width 4.302653 / sqrt(3) = 2.484138.
  const difference = pairedDifference([0.86, 0.88, 0.84], [0.85, 0.86, 0.81])!;
  expect(difference.n).toBe(3);
  expect(difference.mean).toBeCloseTo(0.02, 12);
  expect(difference.standardDeviation).toBeCloseTo(0.01, 12);
  expect(difference.mean95![0]).toBeCloseTo(0.02 - 0.02484138, 8);
  expect(difference.mean95![1]).toBeCloseTo(0.02 + 0.02484138, 8);
});

test('what a cell adds to both arms cancels', () => {
  const accuracy = fc.double({ min: 0, max: 1, noNaN: true });
  fc.assert(
    fc.property(
      fc.array(fc.tuple(accuracy, accuracy, accuracy), { minLength: 2, maxLength: 20 }),
      (cells) => {
        const plain = pairedDifference(
          cells.map(([a]) => a),
          cells.map(([, b]) => b),
        )!;
        const shifted = pairedDifference(
          cells.map(([a, , shift]) => a + shift),
          cells.map(([, b, shift]) => b + shift),
        )!;
        expect(shifted.mean).toBeCloseTo(plain.mean, 9);
        expect(shifted.mean95![1]).toBeCloseTo(plain.mean95![1], 9);
      },
    ),
  );
});

test('a cell without one of the accuracies is left out, not counted as 0', () => {
  expect(pairedDifference([0.9, null, 0.7], [0.8, 0.8, null])).toMatchObject({ n: 1, mean: 0.9 - 0.8 });
  expect(pairedDifference([null], [0.8])).toBeNull();
});

test('one pair has a difference and no interval', () => {
  expect(pairedDifference([0.5], [0.25])).toEqual({
    n: 1,
    mean: 0.25,
    standardDeviation: null,
    mean95: null,
  });
});
