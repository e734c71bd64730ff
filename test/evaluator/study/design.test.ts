import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { cellsOf, runsOf } from '../../../evaluator/study/design.ts';

const numbers = fc.uniqueArray(fc.nat({ max: 99 }), { minLength: 1, maxLength: 6 });
const key = ({ sample, seed }: { sample: number; seed: number }) => `${sample}/${seed}`;

test('every sample meets every seed once; the first runs meet different ones', () => {
  fc.assert(
    fc.property(numbers, numbers, (samples, seeds) => {
      const cells = cellsOf({ samples, seeds });
      const all = samples.flatMap((sample) => seeds.map((seed) => key({ sample, seed })));
      expect(cells.map(key).sort()).toEqual(all.sort());
      const first = cells.slice(0, Math.min(samples.length, seeds.length));
      expect(new Set(first.map(({ sample }) => sample)).size).toBe(first.length);
      expect(new Set(first.map(({ seed }) => seed)).size).toBe(first.length);
    }),
  );
});

test('the runs are paired: every arm runs every cell, before the next cell begins', () => {
  fc.assert(
    fc.property(
      numbers,
      numbers,
      fc.integer({ min: 2, max: 5 }),
      fc.nat(20),
      (samples, seeds, count, first) => {
        const arms = Array.from({ length: count }, (_, at) => ({ name: `arm ${at}`, words: [] }));
        const cells = cellsOf({ samples, seeds });
        const runs = runsOf(arms, cells, first);
        cells.forEach((cell, at) => {
          const ofCell = runs.slice(at * count, (at + 1) * count);
          expect(ofCell.map((run) => run.cell)).toEqual(arms.map(() => cell));
          expect(ofCell.map((run) => run.arm.name).sort()).toEqual(arms.map(({ name }) => name));
        });
      },
    ),
  );
});

test('each arm is the first on its share of the cells', () => {
  const arms = ['a', 'b', 'c'].map((name) => ({ name, words: [] }));
  const cells = cellsOf({ samples: [1, 2, 3], seeds: [1, 2] });
  const firsts = runsOf(arms, cells)
    .filter((_, at) => at % 3 === 0)
    .map(({ arm }) => arm.name);
  expect(firsts).toEqual(['a', 'b', 'c', 'a', 'b', 'c']);
  // A later round continues the turn.
  expect(runsOf(arms, cells.slice(4), 4)[0]!.arm.name).toBe('b');
});
