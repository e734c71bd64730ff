import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Graded, rank } from '../../../evaluator/grade/leaderboard.ts';
import { verdicts } from '../../../evaluator/run/verdict.ts';
import { spreadOf, wilsonInterval } from '../../../evaluator/score/statistics.ts';
import { hash, type Made, madeUpRecord } from './madeUpRecord.ts';

let made = 0;
/** Returns an archive with bytes of its own, run once per seed; null: not run. */
function graded(runs: (Made | null)[], change: Partial<Graded> = {}): Graded {
  const archive = change.archive ?? `${runs[0]?.name ?? 'x'}.tar.gz`;
  return {
    archive,
    sha256: (++made).toString(16).padStart(64, '0'),
    records: runs.map((run, at) => run && madeUpRecord({ seed: at + 1, ...run })),
    ...change,
  };
}
const inBrief = (entries: Graded[]) => rank(entries).map(({ rank, name }) => [rank, name]);

describe('one seed', () => {
  test('gives accuracy and Wilson’s interval of the record, without deviation', () => {
    const [row] = rank([graded([{ name: 'A', team: 'T', correct: 850, trainSeconds: 12.5 }])]);
    expect(row).toMatchObject({
      rank: 1,
      name: 'A',
      team: 'T',
      archive: 'A.tar.gz',
      verdict: 'SCORED',
      accuracy: 0.85,
      standardDeviation: null,
      runsScored: 1,
      interval95: wilsonInterval(850, 1000),
      separatedFromAbove: null,
      trainSeconds: 12.5,
      evidence: [],
      advice: null,
      note: null,
      runs: [{ seed: 1, verdict: 'SCORED', accuracy: 0.85, trainSeconds: 12.5 }],
    });
  });

  test('orders by accuracy; equal ones share a rank, in the order of their names, and take a place each', () => {
    const entries = [
      graded([{ name: 'D', correct: 700 }]),
      graded([{ name: 'C', correct: 800 }]),
      graded([{ name: 'B', correct: 800 }]),
      graded([{ name: 'A', correct: 900 }]),
    ];
    expect(inBrief(entries)).toEqual([
      [1, 'A'],
      [2, 'B'],
      [2, 'C'],
      [4, 'D'],
    ]);
  });

  test('shows for each whether its interval is disjoint from those of the rank above', () => {
    const rows = rank([
      graded([{ name: 'A', correct: 900 }]),
      graded([{ name: 'B', correct: 895 }]),
      graded([{ name: 'C', correct: 895 }]),
      graded([{ name: 'D', correct: 700 }]),
    ]);
    expect(rows.map((row) => row.separatedFromAbove)).toEqual([null, false, false, true]);
  });

  test('ranks an entry that was stopped but scored, with its advice', () => {
    const [row] = rank([graded([{ verdict: 'SCORED_SALVAGED', ended: { exitCode: 1, seconds: 2 } }])]);
    expect(row).toMatchObject({
      rank: 1,
      verdict: 'SCORED_SALVAGED',
      evidence: ['train: ended after 2.0 s with exit status 1'],
      advice: verdicts.SCORED_SALVAGED.advice,
    });
  });
});

describe('several seeds', () => {
  test('give the mean, its deviation and Student’s interval, and the seconds of all', () => {
    const [row] = rank([graded([{ correct: 800 }, { correct: 850 }, { correct: 900 }])]);
    const { mean, standardDeviation, mean95 } = spreadOf([0.8, 0.85, 0.9]);
    expect(row).toMatchObject({ accuracy: mean, standardDeviation, interval95: mean95, trainSeconds: 300 });
    expect(row!.runs.map((run) => run.seed)).toEqual([1, 2, 3]);
  });

  test('keep the interval within the range of an accuracy', () => {
    const [row] = rank([graded([{ correct: 1000 }, { correct: 900 }])]);
    expect(row!.interval95![1]).toBe(1);
  });

  test('tie exactly with an entry of the same sum, in any order of the seeds', () => {
    const [a, b] = rank([
      graded([{ name: 'A', correct: 100 }, { correct: 200 }, { correct: 300 }]),
      graded([{ name: 'B', correct: 300 }, { correct: 200 }, { correct: 100 }]),
    ]);
    expect([a!.rank, b!.rank]).toEqual([1, 1]);
  });

  test('a failed seed removes the rank and keeps the mean', () => {
    const rows = rank([
      graded([
        { name: 'Lucky', correct: 990 },
        { verdict: 'CRASHED', ended: { exitCode: 1, seconds: 2 } },
      ]),
      graded([{ name: 'Steady', correct: 500 }, { correct: 500 }]),
    ]);
    expect(rows.map((row) => [row.rank, row.verdict, row.accuracy, row.runsScored])).toEqual([
      [1, 'SCORED', 0.5, 2],
      [null, 'CRASHED', 0.99, 1],
    ]);
    expect(rows[1]).toMatchObject({
      evidence: ['train: ended after 2.0 s with exit status 1'],
      advice: verdicts.CRASHED.advice,
    });
  });

  test('a seed that has not run leaves the entry without rank and verdict', () => {
    expect(rank([graded([{ correct: 990 }, null])])[0]).toMatchObject({
      rank: null,
      verdict: null,
      accuracy: 0.99,
      advice: null,
    });
  });
});

test('unranked entries come last, by name or, without one, by file', () => {
  const rows = rank([
    graded([{ verdict: 'REJECTED_ARCHIVE' }], { archive: 'b.tar' }),
    graded([null], { archive: 'a.tar' }),
    graded([{ name: 'Z', correct: 1 }]),
    graded([{ name: 'Y', verdict: 'NO_OUTPUT' }]),
  ]);
  expect(rows.map((row) => [row.rank, row.name, row.archive, row.verdict])).toEqual([
    [1, 'Z', 'Z.tar.gz', 'SCORED'],
    [null, 'Y', 'Y.tar.gz', 'NO_OUTPUT'],
    [null, null, 'a.tar', null],
    [null, null, 'b.tar', 'REJECTED_ARCHIVE'],
  ]);
});

test('archives with the same bytes are each listed, refer to one another, and take one place together', () => {
  const twin = { sha256: hash('a') };
  const rows = rank([
    graded([{ name: 'A', correct: 900 }], { ...twin, archive: 'a.tar' }),
    graded([{ name: 'A', correct: 900 }], { ...twin, archive: 'copy.tar' }),
    graded([{ name: 'B', correct: 800 }]),
  ]);
  expect(rows.map((row) => [row.rank, row.archive, row.note])).toEqual([
    [1, 'a.tar', 'same bytes as copy.tar; run once'],
    [1, 'copy.tar', 'same bytes as a.tar; run once'],
    [2, 'B.tar.gz', null],
  ]);
});

test('the order of the rows does not depend on the order of the archives', () => {
  const run = fc.option(
    fc.record({
      name: fc.constantFrom('A', 'B'),
      correct: fc.integer({ min: 0, max: 3 }),
      verdict: fc.constantFrom('SCORED' as const, 'CRASHED' as const),
    }),
  );
  const entries = fc
    .array(fc.tuple(run, run), { minLength: 1, maxLength: 6 })
    .map((all) => all.map((runs, at) => graded(runs, { archive: `${at}.tar` })));
  const shuffled = entries.chain((all) =>
    fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length })),
  );
  fc.assert(
    fc.property(shuffled, ([one, other]) => {
      const rows = rank(one);
      expect(rank(other)).toEqual(rows);
      const ranks = rows.flatMap((row) => row.rank ?? []);
      expect(ranks).toEqual([...ranks].sort((a, b) => a - b));
      expect(rows.slice(0, ranks.length).every((row) => row.rank !== null)).toBe(true);
      for (const row of rows) {
        expect(row.rank === null).toBe(row.runs.filter((each) => each.accuracy !== null).length < 2);
      }
    }),
  );
});
