import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { compareWithChance, fewestClasses, significance } from '../../../evaluator/audit/chance.ts';

const square = (classes: number, count: (truth: number, predicted: number) => number) =>
  Array.from({ length: classes }, (_, truth) =>
    Array.from({ length: classes }, (_, predicted) => count(truth, predicted)),
  );

describe('compared with chance', () => {
  test('all correct answers are not chance, from the minimum number of classes on', () => {
    for (const classes of [fewestClasses, 10, 100]) {
      const { accuracy, pValue, threshold } = compareWithChance(
        square(classes, (truth, predicted) => (truth === predicted ? 10 : 0)),
        1,
      );
      expect(accuracy).toBe(1);
      expect(pValue).toBeLessThan(significance);
      expect(threshold).toBeLessThan(1);
    }
  });

  test('one answer for all images is chance, whichever it is', () => {
    for (const answer of [0, 9]) {
      const confusion = square(10, (_, predicted) => (predicted === answer ? 100 : 0));
      expect(compareWithChance(confusion, 1)).toEqual({ accuracy: 0.1, pValue: 1, threshold: 0.101 });
    }
  });

  test('two correct classes of ten are chance, seven are not', () => {
    const hits = (right: number) =>
      square(10, (truth, predicted) => {
        const answer = truth < right ? truth : right + ((truth - right + 1) % (10 - right));
        return predicted === answer ? 100 : 0;
      });
    expect(compareWithChance(hits(2), 1)).toMatchObject({ accuracy: 0.2 });
    // Of random permutations, 26.4 % keep two or more in place: 1 - 2/e.
    expect(compareWithChance(hits(2), 1).pValue).toBeCloseTo(1 - 2 / Math.E, 1);
    expect(compareWithChance(hits(7), 1).accuracy).toBeCloseTo(0.7, 10);
    expect(compareWithChance(hits(7), 1).pValue).toBeLessThan(significance);
  });

  test('independent answers vary like a binomial', () => {
    // 1,000 guesses at 1/10: 13.2 % or more occurs about once in a thousand times.
    let state = 1;
    const guess = () => {
      state = (state * 48271) % 2147483647;
      return state % 10;
    };
    const confusion = square(10, () => 0);
    for (let image = 0; image < 1000; image++) confusion[image % 10]![guess()]!++;
    const { threshold, pValue } = compareWithChance(confusion, 1);
    expect(threshold).toBeGreaterThan(0.12);
    expect(threshold).toBeLessThan(0.145);
    expect(pValue).toBeGreaterThan(significance);
  });

  test('the threshold is the lowest accuracy whose p-value is significant', () => {
    const counts = fc.array(fc.array(fc.nat(20), { minLength: 8, maxLength: 8 }), {
      minLength: 8,
      maxLength: 8,
    });
    fc.assert(
      fc.property(counts, fc.nat(1000), (confusion, seed) => {
        confusion[0]![0]! += 1;
        const { accuracy, threshold, pValue } = compareWithChance(confusion, seed);
        expect(accuracy >= threshold - 1e-12).toBe(pValue < significance);
      }),
      { numRuns: 30 },
    );
  });
});
