import { describe, expect, test } from '@jest/globals';
import {
  ancestorsAndKernel,
  descendants,
  type Look,
  type ProcessTimes,
  parseTimes,
  usedBetween,
} from '../../../evaluator/machine/othersCpu.ts';

function made(pid: number, parent: number, ownSeconds = 0, more: Partial<ProcessTimes> = {}): ProcessTimes {
  return {
    pid,
    parent,
    startTicks: pid,
    isKernel: false,
    isZombie: false,
    command: `p${pid}`,
    ownSeconds,
    childrenSeconds: 0,
    ...more,
  };
}
const look = (...processes: ProcessTimes[]): Look => new Map(processes.map((each) => [each.pid, each]));
const sum = (before: Look, now: Look, isOthers: (each: ProcessTimes) => boolean = () => true) =>
  [...usedBetween(before, now, isOthers).values()].reduce((total, each) => total + each, 0);

describe('CPU time of others', () => {
  test('is what their processes used since the last sample, including all of new ones', () => {
    expect(sum(look(made(10, 1, 5)), look(made(10, 1, 7), made(11, 1, 0.5)))).toBe(2.5);
  });

  test('keeps the time of a process that ended and was reaped, once', () => {
    const before = look(made(10, 1, 5), made(11, 10, 3));
    const now = look(made(10, 1, 5, { childrenSeconds: 4 }));
    expect(sum(before, now)).toBe(1);
  });

  test('keeps the time of a process that no sample saw', () => {
    expect(sum(look(made(10, 1, 5)), look(made(10, 1, 5, { childrenSeconds: 4 })))).toBe(4);
  });

  test('is never negative and handles reused process ids', () => {
    expect(sum(look(made(10, 1, 5), made(11, 10, 3)), look(made(10, 1, 5)))).toBe(0);
    expect(sum(look(made(10, 1, 5)), look(made(10, 1, 1, { startTicks: 99 })))).toBe(1);
  });

  test('counts the final time of a zombie, and nothing of one never seen alive', () => {
    const dead = (pid: number, seconds: number) => made(pid, 1, seconds, { isZombie: true });
    expect(sum(look(made(10, 1, 5)), look(dead(10, 6), dead(11, 3)))).toBe(1);
  });

  test('is grouped by the name of the program', () => {
    const command = { command: 'gcc' };
    const used = usedBetween(look(), look(made(10, 1, 1, command), made(11, 1, 2, command)), () => true);
    expect([...used]).toEqual([['gcc', 3]]);
  });
});

describe("processes not counted as others'", () => {
  const self = 50;
  const processes = [
    made(1, 0),
    made(2, 0, 0, { isKernel: true }),
    made(3, 2, 0, { isKernel: true }),
    made(40, 1), // our shell
    made(self, 40),
    made(51, self), // the parent of the entry
    made(52, 51), // the entry
    made(60, 1), // containers
    made(61, 60), // the first process of a container with the entry in it
    made(62, 61), // the entry
    made(63, 62), // its child
    made(70, 1), // another user
    made(71, 70),
    made(72, 40), // from the same shell, but not a descendant
  ];
  const sorted = (pids: Set<number>) => [...pids].sort((a, b) => a - b);
  const ours = (stage: number[]) =>
    sorted(descendants(look(...processes), self, (each) => stage.includes(each.pid)));

  test('kernel threads and our ancestors', () => {
    expect(sorted(ancestorsAndKernel(look(...processes), self))).toEqual([1, 2, 3, 40]);
  });

  test('this process and its descendants', () => {
    expect(ours([])).toEqual([50, 51, 52]);
  });

  test('the stage and its descendants', () => {
    expect(ours([62])).toEqual([50, 51, 52, 62, 63]);
  });
});

test('parses a line of /proc/PID/stat with any name', () => {
  const line =
    '77 (a) b (c) S 5 77 77 0 -1 4194560 1 2 3 4 150 50 30 20 20 0 1 0 4242 1000 10 18446744073709551615';
  expect(parseTimes(line)).toEqual({
    pid: 77,
    parent: 5,
    startTicks: 4242,
    isKernel: false,
    isZombie: false,
    command: 'a) b (c',
    ownSeconds: 2,
    childrenSeconds: 0.5,
  });
  expect(parseTimes(line.replace('4194560', String(4194560 | 0x200000))).isKernel).toBe(true);
});
