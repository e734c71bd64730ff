import { describe, expect, test } from '@jest/globals';
import type { LimitHits } from '../../../evaluator/sandbox/sandbox.ts';
import { causeOf, faultOfMachine } from '../../../evaluator/stage/endCause.ts';

const ending = (
  exitCode: number | null,
  signal: NodeJS.Signals | null = null,
  limitHits: LimitHits | null = null,
) => ({ cause: 'exited' as const, exit: { exitCode, signal, at: 0 }, kill: { limitHits } });
const killed = ending(null, 'SIGKILL');
const nothing = {
  machineOomKills: 0,
  memory: { peakBytes: 10, limitBytes: 100 },
  outputFull: false,
  machineDiskFull: false,
};
const someoneRanOut = { ...nothing, machineOomKills: 3 };
const itRanOut = { ...someoneRanOut, memory: { peakBytes: 101, limitBytes: 100 } };
const counted = (change: Partial<LimitHits>): LimitHits => ({
  outOfMemoryKills: 0,
  memoryUsedUp: false,
  processesRefused: 0,
  peakMemoryBytes: null,
  ...change,
});

describe('without a control group of its own', () => {
  test('a stage ran out of memory if the kernel killed it and it was seen beyond its own memory', () => {
    expect(causeOf(killed, itRanOut)).toBe('out-of-memory');
    expect(causeOf(ending(137), itRanOut)).toBe('out-of-memory');
    expect(causeOf(ending(1), itRanOut)).toBe('exited');
    expect(causeOf(killed, nothing)).toBe('exited');
    expect(causeOf(ending(0), itRanOut)).toBe('exited');
  });

  test('a stage that failed while others used up the memory of the machine is not to blame', () => {
    for (const failed of [killed, ending(137), ending(1)]) {
      expect(causeOf(failed, someoneRanOut)).toBe('exited');
      expect(faultOfMachine(failed, someoneRanOut)).toContain('10 of its 100 bytes');
    }
    expect(faultOfMachine(killed, itRanOut)).toBeNull();
    expect(faultOfMachine(killed, nothing)).toBeNull();
    expect(faultOfMachine(ending(0), someoneRanOut)).toBeNull();
  });
});

describe('with a control group of its own', () => {
  test('a stage ran out of memory if its own was refused and a process killed for it', () => {
    const ownKill = counted({ outOfMemoryKills: 2, memoryUsedUp: true });
    expect(causeOf(ending(1, null, ownKill), someoneRanOut)).toBe('out-of-memory');
    expect(faultOfMachine(ending(1, null, ownKill), someoneRanOut)).toBeNull();
    expect(causeOf(ending(0, null, ownKill), someoneRanOut)).toBe('exited');
  });

  test('a stage whose processes the kernel killed for the whole machine is not to blame', () => {
    const foreignKill = counted({ outOfMemoryKills: 2 });
    expect(causeOf(ending(137, null, foreignKill), someoneRanOut)).toBe('exited');
    expect(faultOfMachine(ending(137, null, foreignKill), someoneRanOut)).toContain('below their limit');
  });

  test('the memory of the machine says nothing about a stage that lost no process to it', () => {
    expect(faultOfMachine(ending(1, null, counted({})), someoneRanOut)).toBeNull();
  });

  test('a stage had too many processes if one was refused', () => {
    expect(causeOf(ending(1, null, counted({ processesRefused: 1 })), nothing)).toBe('too-many-processes');
    expect(causeOf(ending(137, null, counted({})), nothing)).toBe('exited');
  });
});

test('a stage filled its disk only if it failed and its own output exceeds its quota', () => {
  expect(causeOf(ending(1), { ...nothing, outputFull: true })).toBe('disk-full');
  expect(causeOf(ending(0), { ...nothing, outputFull: true })).toBe('exited');
});

test('a stage that failed on a full disk which it did not fill is not to blame', () => {
  const full = { ...nothing, machineDiskFull: true };
  expect(causeOf(ending(1), full)).toBe('exited');
  expect(faultOfMachine(ending(1), full)).toContain('within its quota');
  expect(faultOfMachine(ending(0), full)).toBeNull();
});

test('an earlier deadline or interrupt is the cause, and not a fault of the machine', () => {
  const exit = { exitCode: null, signal: 'SIGKILL' as const, at: 0 };
  const all = { ...someoneRanOut, outputFull: true, machineDiskFull: true };
  for (const cause of ['deadline', 'interrupted'] as const) {
    expect(causeOf({ cause, exit, kill: { limitHits: null } }, all)).toBe(cause);
    expect(faultOfMachine({ cause, exit, kill: { limitHits: null } }, all)).toBeNull();
  }
});
