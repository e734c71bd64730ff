import type { RunRecord } from '../run/record.ts';
import type { RunPlan } from '../run/runEntry.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';

/** An attempt that is to be run. */
export interface AttemptOrder {
  /** Its attempt and runsFolder belong to this attempt alone. */
  readonly plan: RunPlan;
  readonly archiveSha256: string;
  /** Folder of the attempt, if an earlier call issued it and it is not finished. */
  readonly open: string | null;
}

/** Runs attempts. What is run, what counts and what is repeated is decided by the caller, from the records on disk. */
export interface Executor {
  /** Sandbox that stages run in. */
  readonly sandbox: Pick<Sandbox, 'kind'>;
  /** Maximum number of attempts in progress at once. */
  readonly jobs: number;
  /** Whether it can wait for attempts that an earlier call issued and that are not finished. */
  readonly takesUp: boolean;
  /**
   * Sets what is called after a canary was judged, because attempts may have become void by that. Executors without a
   * canary lack it.
   */
  onJudged?(act: () => Promise<void>): void;
  /**
   * Runs one attempt to its end.
   * @param abort ends the attempt, or the wait for it if it runs elsewhere
   * @returns its record, which may lack its score; null if the attempt goes on without this process
   */
  run(order: AttemptOrder, abort: AbortSignal): Promise<RunRecord | null>;
}
