import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { listProcesses, parseStat } from '../../../../evaluator/sandbox/linux/procfs.ts';
import { sampleUsage } from '../../../../evaluator/stage/sampleUsage.ts';

const statLine = (name: string, state: string, threads = 1) =>
  `4242 (${name}) ${state} 17 4242 99 0 -1 4194304 76 0 0 0 150 50 0 0 20 0 ${threads} 0 225038 3133440 364 1844 1 1 1 0 0\n`;

describe('/proc/PID/stat', () => {
  test('is parsed with any process name', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 15 }), (name) => {
        expect(parseStat(statLine(name, 'S'))).toMatchObject({
          pid: 4242,
          parent: 17,
          session: 99,
          cpuSeconds: 2,
          startTicks: 225038,
        });
      }),
    );
  });

  test('treats a zombie as dead', () => {
    expect(parseStat(statLine('x', 'Z'))).toBeNull();
  });

  test('treats a process whose first thread has ended before the others as alive', () => {
    expect(parseStat(statLine('x', 'Z', 2))).toMatchObject({ pid: 4242 });
  });

  test('lists this process with about the memory that Node reports', () => {
    const own = listProcesses('/proc').find((each) => each.pid === process.pid)!;
    expect(own.memoryBytes / process.memoryUsage.rss()).toBeCloseTo(1, 0);
  });
});

test('keeps the CPU time of processes that end between two samples, and treats a reused pid as another process', async () => {
  const looks = [
    [{ pid: 1, startTicks: 1, cpuSeconds: 0.5, memoryBytes: 10 }],
    [
      { pid: 1, startTicks: 7, cpuSeconds: 0.25, memoryBytes: 30 },
      { pid: 2, startTicks: 3, cpuSeconds: 1, memoryBytes: 5 },
    ],
  ];
  const sampler = sampleUsage(() => looks.shift() ?? [], performance.now());
  await new Promise((resolve) => setTimeout(resolve, 1100));
  const { cpuSeconds, peakMemoryBytes, usage } = sampler.stop();
  expect(cpuSeconds).toBe(1.75);
  expect(peakMemoryBytes).toBe(35);
  expect(usage.map((each) => each.processes)).toEqual([1, 2]);
});
