import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { scoreSchema } from '../../evaluator/record.ts';
import { score } from '../../evaluator/score.ts';

const classes = ['cat', 'dog', 'eel'];

describe('a score', () => {
  test('counts, by truth and by prediction', () => {
    const scores = Float32Array.from([9, 0, 0, /**/ 0, 9, 0, /**/ 9, 0, 0, /**/ 0, 0, 9]);
    const { correct, total, accuracy, confusion, perClass } = score(
      scores,
      Uint8Array.of(0, 1, 1, 2),
      classes,
    );
    expect({ correct, total, accuracy }).toEqual({ correct: 3, total: 4, accuracy: 0.75 });
    expect(confusion).toEqual([
      [1, 0, 0],
      [1, 1, 0],
      [0, 0, 1],
    ]);
    expect(perClass[1]).toEqual({ name: 'dog', correct: 1, total: 2, accuracy: 0.5 });
  });

  test('takes the lowest class on a tie', () => {
    const { confusion } = score(Float32Array.of(1, 1, 1), Uint8Array.of(2), classes);
    expect(confusion[2]).toEqual([1, 0, 0]);
  });

  test('of equal scores has the log-loss and the confidence of a guess', () => {
    const result = score(
      new Float32Array(30),
      Uint8Array.from({ length: 10 }, (_, i) => i % 3),
      classes,
    );
    expect(result.logLoss).toBeCloseTo(Math.log(3), 6);
    // confidence 1/3, accuracy 4/10
    expect(result.calibration.expectedError).toBeCloseTo(0.4 - 1 / 3, 6);
  });

  test('of the largest floats is finite', () => {
    const result = score(Float32Array.of(3e38, -3e38, 0), Uint8Array.of(0), classes);
    expect(result.logLoss).toBe(0);
    expect(result.calibration.expectedError).toBe(0);
  });

  test('of a class without images gives it accuracy 0 of 0', () => {
    expect(score(Float32Array.of(1, 0, 0), Uint8Array.of(0), classes).perClass[2]).toEqual({
      name: 'eel',
      correct: 0,
      total: 0,
      accuracy: 0,
    });
  });

  const sample = fc
    .array(
      fc.tuple(
        fc.integer({ min: 0, max: 2 }),
        fc.array(fc.integer({ min: -500, max: 500 }), { minLength: 3, maxLength: 3 }),
      ),
      {
        minLength: 1,
        maxLength: 60,
      },
    )
    .map((rows) => ({
      labels: Uint8Array.from(rows, ([label]) => label),
      scores: Float32Array.from(rows.flatMap(([, row]) => row.map((value) => value / 10))),
    }));

  test('keeps its books: every image is in one cell, one class and one bin', () => {
    fc.assert(
      fc.property(sample, ({ scores, labels }) => {
        const result = scoreSchema.parse(score(scores, labels, classes));
        const sum = (values: number[]) => values.reduce((a, b) => a + b, 0);
        expect(sum(result.confusion.flat())).toBe(labels.length);
        expect(sum(result.perClass.map((each) => each.total))).toBe(labels.length);
        expect(sum(result.calibration.bins.map((bin) => bin.count))).toBe(labels.length);
        expect(sum(result.confusion.map((row, label) => row[label]!))).toBe(result.correct);
        expect(result.calibration.expectedError).toBeGreaterThanOrEqual(0);
        expect(result.calibration.expectedError).toBeLessThanOrEqual(1);
        expect(result.logLoss).toBeGreaterThanOrEqual(-1e-6);
      }),
    );
  });

  test('does not change when a constant is added to every score of a row', () => {
    fc.assert(
      fc.property(sample, fc.integer({ min: -100, max: 100 }), ({ scores, labels }, shift) => {
        const before = score(scores, labels, classes);
        const after = score(
          scores.map((value) => value + shift),
          labels,
          classes,
        );
        expect(after.correct).toBe(before.correct);
        expect(after.logLoss).toBeCloseTo(before.logLoss, 3);
      }),
    );
  });
});
