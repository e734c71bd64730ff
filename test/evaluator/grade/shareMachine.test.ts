import { expect, test } from '@jest/globals';
import { requireSeparable, shareMachine } from '../../../evaluator/grade/shareMachine.ts';

const GiB = 2 ** 30;
const machine = { cores: 8, memoryBytes: 32 * GiB };
/** CPUs of a machine whose cores run a number of threads. */
const cpusOf = (count: number, threads: number) =>
  Array.from({ length: count }, (_, cpu) => ({ cpu, core: cpu - (cpu % threads) }));

test('jobs get equal shares of CPUs and memory, and disjoint CPUs', () => {
  const shares = shareMachine(4, {}, machine, cpusOf(8, 2));
  expect(shares.cpus).toBe(2);
  expect(shares.memoryBytes).toBe(Math.floor((32 * GiB - Math.ceil(3.2 * GiB)) / 4));
  expect(shares.cpuSets).toEqual([
    [0, 1],
    [2, 3],
    [4, 5],
    [6, 7],
  ]);
});

test('a job with an odd number of CPUs leaves the other thread of its core idle', () => {
  expect(shareMachine(2, { cpus: 3 }, machine, cpusOf(8, 2)).cpuSets).toEqual([
    [0, 1, 2],
    [4, 5, 6],
  ]);
});

test('jobs that would share a core are refused', () => {
  expect(() => shareMachine(8, { cpus: 1 }, machine, cpusOf(8, 2))).toThrow(
    '--jobs 8: with 1 CPUs per run, two runs would share a core',
  );
});

test('more CPUs or memory than there are is refused with both numbers', () => {
  expect(() => shareMachine(3, { cpus: 3 }, machine, cpusOf(8, 1))).toThrow(
    '--jobs 3: needs 9 CPUs, 3 per run, but this process may use 8',
  );
  expect(() => shareMachine(9, {}, machine, cpusOf(8, 1))).toThrow('--jobs 9: needs 9 CPUs, 1 per run');
  expect(() => shareMachine(2, { memoryBytes: 20 * GiB }, machine, cpusOf(8, 1))).toThrow(
    `--jobs 2: needs ${40 * GiB} bytes`,
  );
});

test('a sealed Track is never graded with several jobs on one machine', () => {
  expect(() => requireSeparable(2, { kind: 'bubblewrap' }, true, true)).toThrow('through the page cache');
});

test('containers without root are refused, because they would look like other work', () => {
  expect(() => requireSeparable(2, { kind: 'docker' }, false, false)).toThrow('count as disturbed');
  expect(() => requireSeparable(2, { kind: 'docker' }, false, true)).not.toThrow();
  expect(() => requireSeparable(2, { kind: 'bubblewrap' }, false, false)).not.toThrow();
});
