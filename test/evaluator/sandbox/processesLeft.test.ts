import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, expect, test } from '@jest/globals';
import { countProcessesLeft } from '../../../evaluator/sandbox/processesLeft.ts';

const started: ChildProcess[] = [];
async function sleeper(environment: Record<string, string> = {}): Promise<ChildProcess> {
  const child = spawn('sleep', ['100'], { env: { PATH: process.env.PATH, ...environment } });
  started.push(child);
  await once(child, 'spawn');
  return child;
}
async function end(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}
afterEach(() => Promise.all(started.splice(0).map(end)));

const runId = `left-${process.pid}`;

test('a process with the mark of the run counts, wherever it is, while it is alive', async () => {
  expect(countProcessesLeft(runId, [])).toBe(0);
  const marked = await sleeper({ HAET_RUN_ID: runId });
  await sleeper({ HAET_RUN_ID: `${runId}-other` });
  expect(countProcessesLeft(runId, [])).toBe(1);
  await end(marked);
  expect(countProcessesLeft(runId, [])).toBe(0);
});

test("a process that is still in the stage's group counts, once, while it is alive", async () => {
  const unmarked = await sleeper();
  const marked = await sleeper({ HAET_RUN_ID: runId });
  const held = [unmarked.pid!, marked.pid!];
  expect(countProcessesLeft(runId, held)).toBe(2);
  expect(countProcessesLeft(undefined, held)).toBe(2);
  await end(unmarked);
  expect(countProcessesLeft(runId, held)).toBe(1);
});
