// Theory of operation
//
// A stage is stopped when none of its processes can execute another instruction of its own, and gone when none of them
// exists. Stopping takes microseconds and is what the deadline counts. Being gone takes as long as the kernel needs to
// tear the processes down: some seconds for hundreds of processes that each map a gigabyte. An entry can prolong this,
// so it must gain nothing by it, and no clock counts it.
//
// If a control group can freeze its processes, one write stops them: the kernel marks every task, interrupts those that
// run, and none returns from the kernel to its own code. Otherwise SIGKILL itself stops them: kill(2) marks every thread
// of a process before it returns, and a marked process can neither run its own code nor fork (copy_process() fails while
// a signal is pending). So a listing that finds no process without a SIGKILL proves that all are stopped: every process
// that existed when it began was marked, and only unmarked processes create new ones.
import { waitUntil } from './waitUntil.ts';

/** Times: milliseconds of `performance.now()`. */
export interface KillTimes {
  readonly signalledAt: number;
  /** When no process could execute an instruction of its own any more. */
  readonly stoppedAt: number;
  /** When no process was left. */
  readonly goneAt: number;
}

/**
 * How long the kernel may take to tear processes down: far longer than an entry can make it take, so that this fails only
 * for a process that is stuck in a driver or on a dead disk.
 */
const mostTeardownSeconds = 600;

export interface KillTarget {
  /** Ids of all live processes of the target, in this machine's numbering. */
  list(): number[];
  /** Freezes or thaws all of them at once; false if that is not possible. */
  setFrozen?(frozen: boolean): boolean;
  /** Whether all are gone; by default, whether `list` is empty. */
  isGone?(): boolean;
}

/**
 * Stops all processes of a target, kills them, and waits until they are gone.
 * @throws Error when some are still there after ten minutes: the machine is then unfit for a further run
 */
export async function killAll(target: KillTarget): Promise<KillTimes> {
  const signalledAt = performance.now();
  const frozen = target.setFrozen?.(true) ?? false;
  const frozenAt = performance.now();
  signalAll(target.list);
  const killedAt = performance.now();
  // A frozen process of control groups of version 1 dies when it is thawed, and of the signal that waits for it.
  if (frozen) target.setFrozen?.(false);
  await untilGone(target.isGone ?? (() => target.list().length === 0));
  return { signalledAt, stoppedAt: frozen ? frozenAt : killedAt, goneAt: performance.now() };
}

/** Sends SIGKILL until a listing finds no process that was not sent one. */
function signalAll(list: () => number[]): void {
  const signalled = new Set<number>();
  for (let fresh = list(); fresh.length > 0; fresh = list().filter((pid) => !signalled.has(pid))) {
    for (const pid of fresh) {
      signalQuietly(pid, 'SIGKILL');
      signalled.add(pid);
    }
  }
}

/**
 * Waits until something is gone.
 * @throws Error if it is still there after ten minutes
 */
export async function untilGone(isGone: () => boolean): Promise<void> {
  if (await waitUntil(isGone, mostTeardownSeconds)) return;
  throw new Error(`processes of the entry survived their kill for ${mostTeardownSeconds} s`);
}

/** Sends a signal to a process that may be gone already, or not ours to signal. */
export function signalQuietly(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // whoever waits for it to be gone sees which of the two it was
  }
}
