import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { issueAttempt, writeIssued } from '../../../evaluator/grade/issued.ts';
import { archiveLimitsSchema } from '../../../evaluator/intake/limits.ts';
import { runNodeTask } from '../../../evaluator/slurm/nodeTask.ts';
import { writeTask } from '../../../evaluator/slurm/task.ts';
import { temporaryFolder } from '../fixtures.ts';
import { madeUpRecord } from '../grade/madeUpRecord.ts';

/** Starts task 1 of the batch haet-a, of an attempt that was issued to an element of a batch. */
async function startTask(batch: string | null, index: number): Promise<string> {
  const folder = await temporaryFolder();
  const { attempt, archiveSha256, track, seed, sandbox, limits, evaluator } = madeUpRecord();
  const attemptFolder = await issueAttempt(join(folder, 'runs/job'), {
    ...{ attempt, seed, limits, sandbox: { kind: sandbox.kind } },
    ...{ archiveSha256: archiveSha256!, track: track! },
  });
  await writeIssued(attemptFolder, { batch, index });
  const batchFolder = join(folder, 'slurm/haet-a');
  await mkdir(batchFolder, { recursive: true });
  const { trainSeconds, predictSeconds, processes } = limits;
  await writeTask(batchFolder, 1, {
    ...{
      schemaVersion: 1,
      label: 'a',
      archive: '/a.tar.gz',
      archiveSha256: archiveSha256!,
      trackDir: '/track',
    },
    ...{ track: track!, imagesKey: null, attemptFolder, attempt, seed, cpus: null, memoryBytes: null },
    limits: { trainSeconds, predictSeconds, processes },
    intake: archiveLimitsSchema.parse({}),
    sandbox: { kind: sandbox.kind, image: 'image', runtime: null },
    ...{
      mostDisturbance: 1,
      quietSeconds: 0,
      keepModel: false,
      alone: true,
      entryArguments: [],
      predictOnce: false,
    },
    expected: { ...evaluator, tensorflow: null, image: null, signed: false, hidden: [] },
  });
  const lock = () => {
    throw new Error('it went on');
  };
  const node = { name: 'n1', job: '1_1', lock, tell: () => {} };
  return runNodeTask(join(batchFolder, 'task-1.json'), node, new AbortController().signal).catch(
    ({ message }: Error) => message,
  );
}

test('a task runs an attempt only if it was issued to this element of this batch', async () => {
  expect(await startTask('haet-a', 1)).toBe('it went on');
  expect(await startTask('haet-a', 2)).toBe('not-wanted');
  expect(await startTask('haet-b', 1)).toBe('not-wanted');
  expect(await startTask(null, 0)).toBe('not-wanted');
});
