import { expect, test } from '@jest/globals';
import { readCpuSeconds, undisturbed } from '../../../submission/plan/cpuSeconds.ts';

const before = { ran: 10, waited: 1, busy: 100, stolen: 2 };
const after = (ran: number, waited: number, others: number, stolen = 0) => ({
  ran: 10 + ran,
  waited: 1 + waited,
  busy: 100 + ran + others,
  stolen: 2 + stolen,
});

test.each([
  ['nothing else ran', after(2, 0, 0), 1],
  ['another program had half of the CPUs', after(1, 1, 1), 0.5],
  ['threads of the run waited for each other', after(2, 1, 0), 1],
  ['another program had CPUs that the run did not need', after(2, 0, 4), 1],
  ['the hypervisor took a quarter', after(1.5, 0, 0, 0.25), 0.75],
  ['the counters are wrong', after(2, -1, -5), 1],
  ['no time was counted', before, 1],
])('a step of a second takes as long without other programs, if %s', (_, end, seconds) => {
  expect(undisturbed(1, before, end)).toBeCloseTo(seconds, 12);
});

test('a step counts as it is where the system does not tell', () => {
  expect(undisturbed(0.3, null, null)).toBe(0.3);
});

test('the times of this process are read, and grow as it computes', () => {
  const started = readCpuSeconds();
  if (process.platform !== 'linux') return expect(started).toBeNull();
  for (let from = process.cpuUsage().user; process.cpuUsage().user - from < 50_000; );
  const ended = readCpuSeconds()!;
  expect(ended.ran - started!.ran).toBeGreaterThan(0.04);
  expect(ended.waited).toBeGreaterThanOrEqual(started!.waited);
  expect(ended.busy).toBeGreaterThan(0);
});
