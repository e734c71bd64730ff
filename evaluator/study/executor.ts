import type { RunRecord } from '../run/record.ts';
import { type RunPlan, runEntry } from '../run/runEntry.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';

/** Makes the runs of a study, here or elsewhere. */
export interface StudyExecutor {
  /** Number of runs that it can make at the same time. */
  readonly atOnce: number;
  /** @param abort ends the run without a score */
  run(plan: RunPlan, abort: AbortSignal): Promise<RunRecord>;
}

/** Returns an executor that makes one run after the other on this machine. */
export function localExecutor(sandbox: Sandbox): StudyExecutor {
  return { atOnce: 1, run: (plan, abort) => runEntry(plan, sandbox, { abort }) };
}
