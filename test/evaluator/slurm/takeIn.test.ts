import { existsSync, readdirSync } from 'node:fs';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, test } from '@jest/globals';
import { contradictionIn } from '../../../evaluator/attest/consistency/checks.ts';
import type { RunRecord } from '../../../evaluator/run/record.ts';
import { writeUnscored } from '../../../evaluator/run/unscored.ts';
import { hasResult, takeInResult, voidAttempt } from '../../../evaluator/slurm/takeIn.ts';
import type { Task } from '../../../evaluator/slurm/task.ts';
import { temporaryFolder } from '../fixtures.ts';
import { madeUpRecord } from '../grade/madeUpRecord.ts';

let attemptFolder: string;
let record: RunRecord;
let task: Task;
beforeEach(async () => {
  attemptFolder = join(await temporaryFolder(), 'attempt-1');
  const result = join(attemptFolder, 'result');
  await mkdir(join(result, 'predictions'), { recursive: true });
  record = { ...madeUpRecord(), score: null, folder: result };
  await writeFile(join(result, 'predictions/predictions.npy'), 'rows');
  await writeFile(join(result, 'train.log'), 'said');
  await writeFile(join(attemptFolder, 'status.json'), '{}');
  const { trainSeconds, predictSeconds, processes } = record.limits;
  task = {
    schemaVersion: 1,
    label: 'a.tar.gz, seed 1',
    archive: '/a.tar.gz',
    archiveSha256: record.archiveSha256!,
    entryArguments: [],
    predictOnce: false,
    trackDir: '/track',
    track: record.track!,
    imagesKey: null,
    attemptFolder,
    attempt: record.attempt,
    seed: record.seed,
    limits: { trainSeconds, predictSeconds, processes },
    cpus: null,
    memoryBytes: null,
    intake: record.intake,
    sandbox: { kind: record.sandbox.kind, image: 'image', runtime: null },
    mostDisturbance: 0.05,
    quietSeconds: 0,
    keepModel: false,
    alone: true,
    expected: { ...record.evaluator, tensorflow: null, image: null, signed: false, hidden: [] },
  };
});

test('a result is there when it is whole', async () => {
  expect(await hasResult(attemptFolder)).toBe(false);
  await writeUnscored(record, null);
  expect(await hasResult(attemptFolder)).toBe(true);
});

test('a result becomes the run of its attempt, and taking it in can be completed after a kill', async () => {
  await writeUnscored(record, null);
  // A first call was killed when it had moved one file.
  await writeFile(join(attemptFolder, 'train.log'), 'said');
  const taken = await takeInResult(task, record.evaluator);
  expect(taken).toEqual({ ...record, folder: attemptFolder });
  expect(readdirSync(attemptFolder).sort()).toEqual(['predictions', 'train.log', 'unscored.json']);
});

test.each<[string, Partial<RunRecord>]>([
  ['the archive', { archiveSha256: 'f'.repeat(64) }],
  ['the seed', { seed: 77 }],
  ['the attempt', { attempt: 7 }],
  ['the evaluator', { evaluator: { version: '0.0.1', commit: null } }],
])('a run that is not that of the attempt is not taken in: %s', async (what, change) => {
  await writeUnscored({ ...record, ...change }, null);
  await expect(takeInResult(task, record.evaluator)).rejects.toThrow(
    `${what} of the returned run is not that of the attempt`,
  );
  expect(existsSync(join(attemptFolder, 'unscored.json'))).toBe(false);
});

test('a link in a result, which could name a file of the coordinator, is refused', async () => {
  await writeUnscored(record, null);
  await symlink('/etc/passwd', join(attemptFolder, 'result/predictions/more'));
  await expect(takeInResult(task, record.evaluator)).rejects.toThrow('contains a link or a special file');
});

test('a void attempt has a consistent record with the words of Slurm', async () => {
  const evidence = ['the attempt left no result; Slurm says: job 5_0 on n1: JobState=NODE_FAIL'];
  const { limits, machine, evaluator } = record;
  await voidAttempt(task, { verdict: 'INFRA_FAULT', evidence, limits, machine, evaluator });
  const written = JSON.parse(await readFile(join(attemptFolder, 'record.json'), 'utf8'));
  expect(written).toMatchObject({ verdict: 'INFRA_FAULT', evidence, stages: [], attempt: record.attempt });
  expect(contradictionIn(written)).toBeNull();
  expect(existsSync(join(attemptFolder, 'status.json'))).toBe(false);
});
