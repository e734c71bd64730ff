// Theory of operation
//
// A stage is over for its entry when none of its processes executes another instruction of its own. It is over for
// the machine when none of them exists any more. The first is a matter of microseconds and is what the deadline counts.
// The second takes as long as the kernel needs to tear the processes down: some seconds for hundreds of processes that
// each map a gigabyte. An entry can make it long, so it must buy nothing, and no clock runs for it.
//
// Where a control group can freeze its processes, they are stopped by one write: the kernel marks every task, those that
// run are interrupted, and none returns from the kernel to its own code. Elsewhere they are stopped by SIGKILL itself:
// kill(2) marks every thread of a process before it returns, and a marked process can neither run its own code nor
// fork (copy_process() gives up while a signal is pending). So a look that finds no process without a SIGKILL is proof
// that all are stopped: whoever was there when it began was marked, and only unmarked processes make new ones.
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
 * How long the kernel may take to tear processes down: far longer than an entry can make it, so that only a
 * process stuck in a driver or on a dead disk is given up.
 */
const mostTeardownSeconds = 600;

export interface KillTarget {
  /** Ids of all live processes that are to end, as this machine counts them. */
  list(): number[];
  /** Freezes or thaws all of them at once; false where that cannot be had. */
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

/** Sends SIGKILL until a look finds no process that was not sent one. */
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
