import { describe, expect, test } from '@jest/globals';
import { hardwareOf } from '../../../evaluator/grade/hardware.ts';
import { type Graded, rank } from '../../../evaluator/grade/leaderboard.ts';
import { type Made, madeUpRecord } from './madeUpRecord.ts';

let made = 0;
function graded(archive: string, runs: Made[], change: Partial<Graded> = {}): Graded {
  const records = runs.map((run, at) => madeUpRecord({ seed: at + 1, name: archive, ...run }));
  return { archive, sha256: (++made).toString(16).padStart(64, '0'), records, ...change };
}
const on = (cpu: string, correct: number): Made => ({ correct, machine: { cpu } });
const others = (...entries: Graded[]) =>
  Object.fromEntries(rank(entries).map(({ archive, otherHardware }) => [archive, otherHardware]));

describe('the hardware of a run', () => {
  test('is its CPU, cores, memory, what of both was given, and the features that decide the engine', () => {
    const record = madeUpRecord({
      machine: { cpu: 'EPYC', cores: 4, memoryBytes: 16.2 * 2 ** 30, features: ['avx2', 'fma'] },
    });
    expect(hardwareOf(record)).toBe('EPYC, 4 cores (2 given), 16 GiB (8 given), avx2 fma');
  });

  test.each<[string, NonNullable<Made['machine']>]>([
    ['CPU', { cpu: 'B' }],
    ['cores', { cores: 9 }],
    ['memory', { memoryBytes: 2 ** 36 }],
    ['features', { features: ['avx512f'] }],
  ])('differs with another %s', (_, machine) => {
    expect(others(graded('a', [{ correct: 9 }]), graded('b', [{ correct: 8, machine }]))).toEqual({
      a: ['b'],
      b: ['a'],
    });
  });

  test('names the GPUs that the entry could use, and differs with another model or number', () => {
    const [l4, l4Too, h200] = ['L4', 'L4', 'H200'].map((model, at) => ({ uuid: `GPU-${at}`, model }));
    expect(hardwareOf(madeUpRecord({ gpus: [l4!, h200!, l4Too!] }))).toMatch(/, 1 GPU H200, 2 GPUs L4$/);
    const entries = [[l4!], [l4Too!], [l4!, l4Too!], [h200!], []].map((gpus, at) =>
      graded('abcde'[at]!, [{ correct: 900 - at, gpus }]),
    );
    expect(others(...entries)).toEqual({ a: [], b: ['c'], c: ['b', 'd'], d: ['c', 'e'], e: ['d'] });
  });

  test('is the same with a few kilobytes of memory more', () => {
    const more = { correct: 8, machine: { memoryBytes: 2 ** 30 + 4096 } };
    expect(others(graded('a', [{ correct: 9 }]), graded('b', [more]))).toEqual({ a: [], b: [] });
  });
});

describe('a rank', () => {
  test('may come from hardware only beside neighbours: the same rank, and those above and below', () => {
    const entries = [
      graded('a', [on('A', 900)]),
      graded('b', [on('A', 800)]),
      graded('c', [on('B', 800)]),
      graded('d', [on('A', 700)]),
      graded('e', [on('A', 600)]),
    ];
    expect(others(...entries)).toEqual({ a: ['c'], b: ['c'], c: ['a', 'b', 'd'], d: ['c'], e: [] });
  });

  test('does not come from hardware if both were run on the same machines, however the seeds were spread', () => {
    const [ab, ba] = [graded('a', [on('A', 900), on('B', 900)]), graded('b', [on('B', 800), on('A', 800)])];
    expect(others(ab, ba)).toEqual({ a: [], b: [] });
  });

  test('is not compared with a baseline or an entry without a rank', () => {
    const entries = [
      graded('a', [on('A', 900)]),
      graded('base', [on('B', 850)], { baseline: true }),
      graded('z', [{ verdict: 'CRASHED', machine: { cpu: 'B' } }]),
    ];
    expect(others(...entries)).toEqual({ a: [], base: [], z: [] });
  });
});

test('a baseline changes no rank, no separation and no tie', () => {
  const entries = [
    graded('a', [on('A', 900)]),
    graded('b', [on('A', 880)]),
    graded('c', [on('A', 880)]),
    graded('d', [on('A', 500)]),
  ];
  const ofRivals = (all: Graded[]) =>
    rank(all)
      .filter((row) => !row.baseline)
      .map(({ archive, rank, separatedFromAbove, interval95 }) => ({
        archive,
        rank,
        separatedFromAbove,
        interval95,
      }));
  const baselines = [950, 880, 600].map((correct, at) =>
    graded(`base${at}`, [on('A', correct)], { baseline: true }),
  );
  expect(ofRivals([...entries, ...baselines])).toEqual(ofRivals(entries));
  expect(rank(baselines).map(({ rank, separatedFromAbove }) => [rank, separatedFromAbove])).toEqual([
    [null, null],
    [null, null],
    [null, null],
  ]);
});
