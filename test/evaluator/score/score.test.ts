import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { UserError } from '../../../datasets/userError.ts';
import { scoreSchema } from '../../../evaluator/run/record.ts';
import { score } from '../../../evaluator/score/score.ts';

const classes = ['cat', 'dog', 'eel'];

/** Log-loss is rounded to multiples of this. */
const logLossStep = (images: number) => Math.log(1000) / images;

describe('a score', () => {
  test.each([
    ['no labels', [], [], 'there are no labels'],
    ['a row too few', [1, 2, 3], [0, 1], '3 scores for 2 labels and 3 classes; expected 6'],
    ['a label that is no class', [1, 2, 3], [3], 'label 3 of image 0 is not one of 3 classes'],
    ['NaN', [1, 2, 3, 4, Number.NaN, 6], [0, 1], 'the scores of image 1 contain NaN'],
  ])('of %s is refused', (_, scores, labels, reason) => {
    const refused = () => score(Float32Array.from(scores), Uint8Array.from(labels), classes);
    expect(refused).toThrow(UserError);
    expect(refused).toThrow(reason);
  });

  test('counts by true and by predicted class', () => {
    const scores = Float32Array.from([9, 0, 0, /**/ 0, 9, 0, /**/ 9, 0, 0, /**/ 0, 0, 9]);
    const { correct, total, accuracy, details } = score(scores, Uint8Array.of(0, 1, 1, 2), classes);
    expect({ correct, total, accuracy }).toEqual({ correct: 3, total: 4, accuracy: 0.75 });
    expect(details.confusion).toEqual([
      [1, 0, 0],
      [1, 1, 0],
      [0, 0, 1],
    ]);
    expect(details.perClass[1]).toEqual({ name: 'dog', correct: 1, total: 2, accuracy: 0.5 });
  });

  test('chooses the lowest class on a tie', () => {
    const { details } = score(Float32Array.of(1, 1, 1), Uint8Array.of(2), classes);
    expect(details.confusion[2]).toEqual([1, 0, 0]);
  });

  test('of equal scores has the log-loss and the confidence of guessing', () => {
    const result = score(
      new Float32Array(30),
      Uint8Array.from({ length: 10 }, (_, i) => i % 3),
      classes,
    );
    expect(result.details.logLoss).toBeCloseTo(
      logLossStep(10) * Math.round((10 * Math.log(3)) / Math.log(1000)),
      6,
    );
    // confidence 1/3, accuracy 4/10
    expect(result.details.calibration.expectedError).toBeCloseTo(0.4 - 1 / 3, 6);
  });

  test('of the largest floats is finite', () => {
    const result = score(Float32Array.of(3e38, -3e38, 0), Uint8Array.of(0), classes);
    expect(result.details.logLoss).toBe(0);
    expect(result.details.calibration.expectedError).toBe(0);
  });

  test('gives a class without images accuracy 0 of 0', () => {
    expect(score(Float32Array.of(1, 0, 0), Uint8Array.of(0), classes).details.perClass[2]).toEqual({
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

  test('counts every image in one cell, class and bin', () => {
    fc.assert(
      fc.property(sample, ({ scores, labels }) => {
        const result = score(scores, labels, classes);
        expect(scoreSchema.parse(result)).toEqual(result);
        const sum = (values: number[]) => values.reduce((a, b) => a + b, 0);
        expect(sum(result.details.confusion.flat())).toBe(labels.length);
        expect(sum(result.details.perClass.map((each) => each.total))).toBe(labels.length);
        expect(sum(result.details.calibration.bins.map((bin) => bin.count))).toBe(labels.length);
        expect(sum(result.details.confusion.map((row, label) => row[label]!))).toBe(result.correct);
        expect(result.details.calibration.expectedError).toBeGreaterThanOrEqual(0);
        expect(result.details.calibration.expectedError).toBeLessThanOrEqual(1);
        expect(result.details.logLoss).toBeGreaterThanOrEqual(-1e-6);
      }),
    );
  });

  test('does not change if a constant is added to every score of a row', () => {
    fc.assert(
      fc.property(sample, fc.integer({ min: -100, max: 100 }), ({ scores, labels }, shift) => {
        const before = score(scores, labels, classes);
        const after = score(
          scores.map((value) => value + shift),
          labels,
          classes,
        );
        expect(after.correct).toBe(before.correct);
        // A sum on the boundary between two steps can be rounded to either.
        const steps = Math.abs(after.details.logLoss - before.details.logLoss) / logLossStep(labels.length);
        expect(Math.round(steps)).toBeLessThanOrEqual(1);
      }),
    );
  });

  test('no row moves the log-loss by more than one step', () => {
    // The attack: the loss of row r is label * 3^r units, so that the digits of the sum are the labels.
    const rows = 12;
    const unit = 1e-5;
    const scores = new Float32Array(3 * rows);
    for (let row = 0; row < rows; row++) {
      const losses = [0, 1, 2].map((label) => 1 + label * unit * 3 ** row);
      losses.forEach((loss, label) => {
        scores[3 * row + label] = -loss;
      });
    }
    const values = new Set<number>();
    for (let guess = 0; guess < 3 ** 8; guess++) {
      const labels = Uint8Array.from({ length: rows }, (_, row) => Math.floor(guess / 3 ** row) % 3);
      values.add(score(scores, labels, classes).details.logLoss);
    }
    // As many values as there are numbers of correct answers, instead of one for each of 6561 lists of labels.
    expect(values.size).toBeLessThanOrEqual(rows + 1);
  });

  test('clips probabilities at 1/1000', () => {
    const { logLoss } = score(Float32Array.of(500, 0, 0), Uint8Array.of(2), classes).details;
    expect(logLoss).toBeCloseTo(Math.log(1000), 9);
  });
});
