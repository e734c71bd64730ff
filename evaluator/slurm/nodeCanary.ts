// The canary on a node. It runs in the time of the task whose attempt it precedes, so no coordinator is needed to start
// it. The node judges what it can without the labels: how it ended and its speed. The coordinator judges all of it, from
// the result that is left for it, and takes back what ran on the node meanwhile.
import { whyOut } from '../grade/canary/band.ts';
import { readJudgements } from '../grade/canary/canaryLog.ts';
import { countRun, isDue, issueCanary, readLastCanary } from '../grade/canary/canaryRuns.ts';
import type { JobTerms } from '../grade/terms.ts';
import type { CanaryMark } from '../run/canaryMark.ts';
import type { RunRecord } from '../run/record.ts';
import { hasResult } from './takeIn.ts';
import type { Task } from './task.ts';

/** How the canary before an attempt ended. */
export type CanaryEnd =
  | { readonly kind: 'passed'; readonly mark: CanaryMark | null }
  /** @param because a clause */
  | { readonly kind: 'out'; readonly because: string }
  | { readonly kind: 'stopped' };

/**
 * Runs the canary if it is due on this node, and counts the attempt that follows.
 * @param run runs a task and leaves its result; returns its record, null if it was stopped
 */
export async function passCanary(
  task: Task,
  node: string,
  machine: RunRecord['machine'],
  run: (canary: Task) => Promise<RunRecord | null>,
): Promise<CanaryEnd> {
  const { canary, ...rest } = task;
  if (canary === undefined) return { kind: 'passed', mark: null };
  const { outFolder, archive, archiveSha256, seed, every, band } = canary;
  const judgements = await readJudgements(outFolder);
  const last = await readLastCanary(outFolder, node, termsOf(task, canary), judgements, hasResult);
  if (last !== null && !isDue(last, every)) {
    await countRun(last.folder);
    return { kind: 'passed', mark: { node, number: last.number } };
  }
  const limits = {
    ...task.limits,
    cpus: task.cpus ?? machine.cores,
    memoryBytes: task.memoryBytes ?? machine.memoryBytes,
  };
  const number = (last?.number ?? 0) + 1;
  const folder = await issueCanary(outFolder, node, {
    ...{ attempt: number, archiveSha256, track: task.track, seed, limits },
    sandbox: { kind: task.sandbox.kind },
  });
  const record = await run({
    ...rest,
    ...{ label: `canary ${number}`, archive, archiveSha256, seed },
    ...{ attemptFolder: folder, attempt: number, keepModel: false },
  });
  if (record === null) return { kind: 'stopped' };
  const because = whyOut(record, band);
  if (because !== null) return { kind: 'out', because };
  await countRun(folder);
  return { kind: 'passed', mark: { node, number } };
}

function termsOf(task: Task, { archiveSha256, seed }: NonNullable<Task['canary']>): JobTerms {
  const { track, sandbox, intake, limits, cpus, memoryBytes } = task;
  return {
    ...{ archiveSha256, track, seed, sandbox: sandbox.kind, intake },
    limits: { ...limits, ...(cpus !== null && { cpus }), ...(memoryBytes !== null && { memoryBytes }) },
  };
}
