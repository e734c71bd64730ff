import { readStatus } from './heard.ts';
import type { Task } from './task.ts';

/** One attempt that is not done, for people. */
export interface Seen {
  readonly label: string;
  readonly state: 'queued' | 'running';
  readonly node: string | null;
  /** Why it waits, as Slurm or this call says it; or its stage. */
  readonly what: string;
  /** Since its stage began; null if its node has not told. */
  readonly seconds: number | null;
  /** Training accuracy. */
  readonly accuracy: number | null;
}

/** An attempt that waits. @param what why */
export const queued = ({ label }: Task, what: string): Seen => ({
  ...{ label, state: 'queued', what, node: null, seconds: null, accuracy: null },
});

/** An attempt that runs, with what its node last told. @param node null: not known */
export async function running({ label, attemptFolder }: Task, node: string | null): Promise<Seen> {
  const status = await readStatus(attemptFolder);
  return {
    ...{ label, state: 'running', node, what: status?.stage || 'starts' },
    seconds: status === null ? null : Math.max(0, (Date.now() - status.stageSince) / 1000),
    accuracy: status?.accuracy ?? null,
  };
}
