import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { significance } from '../../../evaluator/audit/chance.ts';
import { comparePaired, hasFarToFall, tolerance } from '../../../evaluator/audit/pairedDrop.ts';

/** Returns results for images: `both` are correct in both runs, `lost` only in the first, `won` only in the second. */
function runs(counts: { both: number; lost: number; won: number; neither: number }) {
  const spread = (both: boolean, lost: boolean, won: boolean) => [
    ...new Array<boolean>(counts.both).fill(both),
    ...new Array<boolean>(counts.lost).fill(lost),
    ...new Array<boolean>(counts.won).fill(won),
    ...new Array<boolean>(counts.neither).fill(false),
  ];
  return [spread(true, true, false), spread(true, false, true)] as const;
}

/** Returns P(X >= successes) for fair tosses, summed in integers. */
function exactTail(successes: number, tosses: number): number {
  let [ways, sum] = [1n, 0n];
  for (let heads = 0; heads <= tosses; heads++) {
    if (heads >= successes) sum += ways;
    ways = (ways * BigInt(tosses - heads)) / BigInt(heads + 1);
  }
  return Number((sum * 10n ** 15n) / 2n ** BigInt(tosses)) / 1e15;
}

describe('two runs on the same images', () => {
  test('that agree have no difference', () => {
    const [first, second] = runs({ both: 80, lost: 0, won: 0, neither: 20 });
    expect(comparePaired(first, second)).toEqual({ drop: 0, threshold: 1, pValue: 1 });
  });

  test('are compared by McNemar’s exact test', () => {
    fc.assert(
      fc.property(fc.nat(120), fc.nat(120), (lost, won) => {
        const { drop, pValue } = comparePaired(...runs({ both: 10, lost, won, neither: 5 }));
        expect(drop).toBeCloseTo((lost - won) / (15 + lost + won), 12);
        expect(pValue).toBeCloseTo(exactTail(lost, lost + won), 7);
      }),
    );
  });

  test('reach the threshold if the drop exceeds the tolerance and is significant', () => {
    fc.assert(
      fc.property(fc.nat(150), fc.nat(150), fc.nat(1000), (lost, won, both) => {
        const { drop, threshold, pValue } = comparePaired(...runs({ both, lost, won, neither: 11 }));
        expect(drop >= threshold - 1e-12).toBe(pValue < significance && drop >= tolerance - 1e-12);
      }),
    );
  });

  test('tolerate the spread of honest training, but not a lost class', () => {
    const similar = comparePaired(...runs({ both: 800, lost: 60, won: 40, neither: 100 }));
    expect(similar.drop).toBeLessThan(similar.threshold);
    const lostClass = comparePaired(...runs({ both: 760, lost: 100, won: 30, neither: 110 }));
    expect(lostClass.drop).toBeGreaterThanOrEqual(lostClass.threshold);
  });
});

test('a run can fall far if losing everything above chance would be detected', () => {
  expect(hasFarToFall(850, 1000, 0.1)).toBe(true);
  expect(hasFarToFall(140, 1000, 0.1)).toBe(false); // 4 points: within the tolerance
  expect(hasFarToFall(9, 10, 0.1)).toBe(false); // 8 images prove nothing
  expect(hasFarToFall(50, 1000, 0.1)).toBe(false); // below chance
});
