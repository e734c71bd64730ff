import { existsSync } from 'node:fs';
import { readdir, rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { flushFolder } from '../../datasets/atomicWrite.ts';
import { UserError } from '../../datasets/userError.ts';
import { type RunRecord, runRecordVersion } from '../run/record.ts';
import { writeRecord } from '../run/runFolder.ts';
import { readUnscored, unscoredFile } from '../run/unscored.ts';
import { verdicts } from '../run/verdict.ts';
import { nothingHeld } from '../sandbox/holds.ts';
import { removePath } from '../sandbox/removeTree.ts';
import { walkTree } from '../sandbox/walkTree.ts';
import { noProgress } from '../stage/readStreams.ts';
import { resultFolder, statusFile, type Task } from './task.ts';

/** What a result must be of. */
export type ExpectedRun = Pick<
  Task,
  'attemptFolder' | 'archiveSha256' | 'seed' | 'attempt' | 'track' | 'limits'
> & { readonly sandbox: Pick<Task['sandbox'], 'kind'> };

/** Whether a node left a result that was not taken in yet. */
export async function hasResult(attemptFolder: string): Promise<boolean> {
  // Listed, because a network file system may remember for a while that a name did not exist.
  const names = await readdir(attemptFolder).catch((): string[] => []);
  return names.includes(resultFolder) && existsSync(join(attemptFolder, resultFolder, unscoredFile));
}

/**
 * Takes in what a node left: the files move from the result's folder to the attempt's, unscored.json last. If this is
 * killed, the next call completes it.
 * @returns the record, which lacks its score
 * @throws UserError if it is not the result of this attempt
 */
export async function takeInResult(task: ExpectedRun, evaluator: RunRecord['evaluator']): Promise<RunRecord> {
  const { attemptFolder } = task;
  const result = join(attemptFolder, resultFolder);
  const { record } = await readUnscored(result);
  const reason = whyNot(record, task, evaluator) ?? (await whyNotPlain(result));
  if (reason !== null) throw new UserError({ path: result, reason });
  const names = (await readdir(result)).filter((name) => name !== unscoredFile);
  for (const name of [...names, unscoredFile]) {
    const to = join(attemptFolder, name);
    await removePath(to).catch(() => {});
    await rename(join(result, name), to);
  }
  await flushFolder(attemptFolder);
  await removePath(result).catch(() => {});
  await rm(join(attemptFolder, statusFile), { force: true });
  return { ...record, folder: attemptFolder };
}

function whyNot(record: RunRecord, task: ExpectedRun, evaluator: RunRecord['evaluator']): string | null {
  const { limits } = record;
  const told = { trainSeconds: limits.trainSeconds, predictSeconds: limits.predictSeconds };
  const same: Record<string, boolean> = {
    'the archive': record.archiveSha256 === task.archiveSha256,
    'the seed': record.seed === task.seed,
    'the attempt': record.attempt === task.attempt,
    'the Track': isDeepStrictEqual(record.track, task.track),
    'the sandbox': record.sandbox.kind === task.sandbox.kind,
    'the limits': isDeepStrictEqual({ ...told, processes: limits.processes }, { ...task.limits }),
    'the evaluator': isDeepStrictEqual(record.evaluator, evaluator),
  };
  const other = Object.keys(same).find((name) => !same[name]);
  if (other !== undefined) return `${other} of the returned run is not that of the attempt`;
  return record.score === null ? null : 'the node scored the run, which only the coordinator may do';
}

/** A node has no reason to leave links or special files, which could name files of this machine. */
async function whyNotPlain(folder: string): Promise<string | null> {
  const stopped = await walkTree(folder, {
    visit: ({ facts }) => (facts.isFile() || facts.isDirectory() ? undefined : 'stop'),
  });
  return stopped ? 'contains a link or a special file' : null;
}

/**
 * Voids an attempt that left no result: writes its record, without stages. A result that arrives later stays in the
 * attempt's folder and does not count.
 * @param limits.cpus and memory as the terms say
 */
export async function voidAttempt(
  task: Task,
  given: {
    readonly verdict: 'INFRA_FAULT' | 'ABORTED';
    readonly evidence: readonly string[];
    readonly limits: RunRecord['limits'];
    readonly machine: RunRecord['machine'];
    readonly evaluator: RunRecord['evaluator'];
  },
): Promise<RunRecord> {
  const { attemptFolder, archiveSha256, seed, attempt, intake, track } = task;
  const { verdict, evidence, limits, machine, evaluator } = given;
  const record: RunRecord = {
    schemaVersion: runRecordVersion,
    runId: `${archiveSha256.slice(0, 16)}-s${seed}-attempt-${attempt}`,
    startedAt: new Date().toISOString(),
    folder: resolve(attemptFolder),
    verdict,
    owner: verdicts[verdict].owner,
    evidence: [...evidence],
    advice: verdicts[verdict].advice,
    score: null,
    entry: null,
    archiveSha256,
    modelSha256: null,
    intake,
    track,
    seed,
    attempt,
    sandbox: {
      kind: task.sandbox.kind,
      contains: 'No stage was seen to end.',
      holds: nothingHeld,
      image: null,
    },
    limits,
    gpus: [],
    stages: [],
    progress: noProgress,
    machine,
    evaluator,
  };
  await rm(join(attemptFolder, statusFile), { force: true });
  await writeRecord(attemptFolder, record);
  return record;
}
