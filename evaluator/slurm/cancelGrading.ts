import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '../../datasets/userError.ts';
import { runFolders } from '../grade/attempts.ts';
import { runsFolder } from '../grade/gradedFolders.ts';
import { isOpen, readIssued } from '../grade/issued.ts';
import type { RunRecord } from '../run/record.ts';
import { runStartSchema, startFile } from '../run/runFolder.ts';
import { removePath } from '../sandbox/removeTree.ts';
import { arrayIdOf, batchOf, removeKey } from './batch.ts';
import { cancel, lookAtArray } from './commands.ts';
import { hasResult, takeInResult, voidAttempt } from './takeIn.ts';
import { readTask, taskFile } from './task.ts';

const pollMs = 1000;
const mostPolls = 120;

/** What was done with the attempts that were open. */
export interface Cancelled {
  /** Ended before they had a result; they use up no retry. */
  readonly stopped: number;
  /** Had left a result already, which the next call scores. */
  readonly kept: number;
}

/**
 * Ends every attempt of a grading or a study that was given to Slurm, waits until no task runs, and takes in what is finished.
 * @param outFolder locked by the caller
 * @throws UserError if Slurm does not end them
 */
export async function cancelGrading(
  outFolder: string,
  batches: string,
  facts: Pick<RunRecord, 'machine' | 'evaluator'>,
): Promise<Cancelled> {
  const open = await openAttempts(outFolder);
  const names = new Set<string>();
  for (const folder of open) {
    const { batch } = await readIssued(folder);
    if (batch !== null) names.add(batch);
  }
  for (const name of names) {
    const batch = batchOf(batches, name);
    const id = await arrayIdOf(batch);
    if (id === null) continue;
    await cancel([id]);
    await untilEnded(id);
    await removeKey(batch);
  }
  let [stopped, kept] = [0, 0];
  for (const folder of open) {
    const { batch, index } = await readIssued(folder);
    const path = batch === null ? null : join(batches, batch, taskFile(index));
    if (path === null || !existsSync(path)) {
      await removePath(folder); // no task of it has ever been submitted
      stopped += 1;
      continue;
    }
    const task = await readTask(path);
    if (await hasResult(folder)) {
      await takeInResult(task, facts.evaluator);
      kept += 1;
    } else {
      const { limits } = runStartSchema.parse(JSON.parse(await readFile(join(folder, startFile), 'utf8')));
      const evidence = ['stopped by `--cancel`'];
      await voidAttempt(task, { ...facts, limits, evidence, verdict: 'ABORTED' });
      stopped += 1;
    }
  }
  return { stopped, kept };
}

async function openAttempts(outFolder: string): Promise<string[]> {
  const runs = runsFolder(outFolder);
  const jobs = await readdir(runs).catch((): string[] => []);
  const attempts = await Promise.all(jobs.map((job) => runFolders(join(runs, job))));
  return attempts.flat().filter(isOpen);
}

async function untilEnded(id: string): Promise<void> {
  for (let polls = 0; polls < mostPolls; polls++) {
    const state = await lookAtArray(id);
    if (state.kind === 'forgotten') return;
    if (state.kind === 'known' && state.tasks.every(({ phase }) => phase === 'ended')) return;
    await sleep(pollMs);
  }
  throw new UserError({
    option: '--cancel',
    reason: `job ${id} has not ended after ${(mostPolls * pollMs) / 1000} s`,
    remedy: `Look at \`squeue --job ${id}\`, and run the same command again when it is gone.`,
  });
}
