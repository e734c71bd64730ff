import type { RunRecord } from '../run/record.ts';
import type { RunPlan } from '../run/runEntry.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';

/** Runs attempts. What is run, what counts and what is repeated is decided by the caller, from the records on disk. */
export interface Executor {
  /** Sandbox that stages run in. */
  readonly sandbox: Pick<Sandbox, 'kind'>;
  /** Maximum number of attempts in progress at once. */
  readonly jobs: number;
  /**
   * Runs one attempt to its end.
   * @param plan its attempt and runsFolder belong to this attempt alone
   * @param abort ends the attempt, or the wait for it if it runs elsewhere
   * @returns its record, which may lack its score; null if the attempt goes on without this process
   */
  run(plan: RunPlan, abort: AbortSignal): Promise<RunRecord | null>;
}
