import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '../../datasets/userError.ts';
import { readIssued } from '../grade/issued.ts';
import type { RunRecord } from '../run/record.ts';
import { runStartSchema, startFile } from '../run/runFolder.ts';
import { removePath } from '../sandbox/removeTree.ts';
import { type Batch, batchOf, findArrayOf, markOver, removeKey } from './batch.ts';
import { cancel, lookAtArray } from './commands.ts';
import { unneededBatches } from './neededBatches.ts';
import { openAttempts } from './openAttempts.ts';
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
 * Ends every attempt of a grading or a study that was given to Slurm, waits until no task runs, also of attempts that are
 * decided, and takes in what is finished.
 * @param outFolder locked by the caller
 * @throws UserError if Slurm does not end them
 */
export async function cancelGrading(
  outFolder: string,
  batches: string,
  facts: Pick<RunRecord, 'machine' | 'evaluator'>,
): Promise<Cancelled> {
  const open = await openAttempts(outFolder);
  const names = new Set((await unneededBatches(batches)).map(({ name }) => name));
  for (const folder of open) {
    const { batch } = await readIssued(folder);
    if (batch !== null) names.add(batch);
  }
  for (const name of names) {
    const batch = batchOf(batches, name);
    await untilEnded(batch);
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
  for (const batch of await unneededBatches(batches)) await markOver(batch);
  return { stopped, kept };
}

/** Cancels a batch's job, again and again, because a controller that is down hears nothing, and waits for its end. */
async function untilEnded(batch: Batch): Promise<void> {
  const { name } = batch;
  let said = '';
  for (let polls = 0; polls < mostPolls; polls++) {
    const found = await findArrayOf(batch);
    if (polls % 10 === 0) await cancel(name);
    if (found.kind === 'none') return;
    const state = found.kind === 'found' ? await lookAtArray(found.id, name) : found;
    if (state.kind === 'forgotten') return;
    if (state.kind === 'known' && state.tasks.every(({ phase }) => phase === 'ended')) return;
    said = state.kind === 'unreachable' ? `; Slurm does not answer (${state.said})` : '';
    await sleep(pollMs);
  }
  throw new UserError({
    option: '--cancel',
    reason: `job ${name} has not ended after ${(mostPolls * pollMs) / 1000} s${said}`,
    remedy: `Look at \`squeue --name=${name}\`, and run the same command again when it is gone.`,
  });
}
