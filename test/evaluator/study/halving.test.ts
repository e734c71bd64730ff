import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { roundsOf, survivors } from '../../../evaluator/study/halving.ts';

const halving = (firstRuns: number, factor: number) => ({ kind: 'halving' as const, firstRuns, factor });

describe('rounds', () => {
  test('a grid has one round with all cells', () => {
    expect(roundsOf({ kind: 'grid' }, 12)).toEqual([{ runs: 12 }]);
  });

  test.each([
    [2, 2, 12, [2, 4, 8, 12]],
    [1, 3, 9, [1, 3, 9]],
    [2, 2, 2, [2]],
    [5, 2, 3, [3]],
  ])('from %d runs by a factor of %d, for %d cells', (first, factor, cells, expected) => {
    expect(roundsOf(halving(first, factor), cells).map(({ runs }) => runs)).toEqual(expected);
  });

  test('rise to all cells', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 2, max: 9 }),
        fc.integer({ min: 1, max: 500 }),
        (first, factor, cells) => {
          const runs = roundsOf(halving(first, factor), cells).map((round) => round.runs);
          expect(runs.at(-1)).toBe(cells);
          expect(runs).toEqual([...new Set(runs)].sort((a, b) => a - b));
        },
      ),
    );
  });
});

const standing = (name: string, ...accuracies: (number | null)[]) => ({ name, accuracies });

describe('survivors', () => {
  test('are the better half of the arms beside the baseline, in the order of the specification', () => {
    const arms = [
      standing('a', 0.8, 0.82),
      standing('base', 0.1, 0.1),
      standing('b', 0.9, 0.7),
      standing('c', 0.85, 0.83),
      standing('d', 0.7, 0.7),
    ];
    expect(survivors(arms, 'base', 2)).toEqual(['a', 'base', 'c']);
    expect(survivors(arms, 'base', 4)).toEqual(['base', 'c']);
  });

  test('of an odd number are the larger part', () => {
    const arms = [standing('base', 0.5), standing('a', 0.3), standing('b', 0.2), standing('c', 0.1)];
    expect(survivors(arms, 'base', 2)).toEqual(['base', 'a', 'b']);
  });

  test('with equal means are the earlier arms', () => {
    const arms = [standing('base', 0.5), standing('a', 0.3), standing('b', 0.3)];
    expect(survivors(arms, 'base', 2)).toEqual(['base', 'a']);
  });

  test('are never arms that failed a run, whose other runs may be the best', () => {
    const arms = [standing('base', 0.5, 0.5), standing('a', 0.9, null), standing('b', 0.2, 0.2)];
    expect(survivors(arms, 'base', 2)).toEqual(['base', 'b']);
  });

  test('include a baseline that failed', () => {
    expect(survivors([standing('base', null), standing('a', 0.1)], 'base', 2)).toEqual(['base', 'a']);
  });

  test('are not more than asked for, and none of the others is better', () => {
    const accuracies = fc.array(
      fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 3, maxLength: 3 }),
      {
        minLength: 1,
        maxLength: 12,
      },
    );
    fc.assert(
      fc.property(accuracies, fc.integer({ min: 2, max: 5 }), (all, factor) => {
        const arms = [standing('base', 0, 0, 0), ...all.map((each, at) => standing(`arm ${at}`, ...each))];
        const kept = survivors(arms, 'base', factor);
        expect(kept).toHaveLength(1 + Math.ceil(all.length / factor));
        const sum = (name: string) => all[Number(name.slice(4))]!.reduce((a, b) => a + b, 0);
        const others = arms.map(({ name }) => name).filter((name) => !kept.includes(name));
        const worstKept = Math.min(...kept.slice(1).map(sum));
        for (const name of others) expect(sum(name)).toBeLessThanOrEqual(worstKept + 1e-9);
      }),
    );
  });
});
