import { readFileSync } from 'node:fs';
import { type KillTimes, signalQuietly, untilGone } from '../killing.ts';
import { listProcesses, type ProcessFacts } from '../linux/procfs.ts';

/** Identifies the processes of a stage that has no namespace. */
export interface TreeMark {
  /** The first process; it leads a session of its own. */
  readonly root: number;
  /** Value of HAET_RUN_ID in the environment of its processes. */
  readonly runId: string;
}

/**
 * Finds the processes of a stage: descendants of its first process, members of its session, and those with the run's
 * mark in their environment. One that left all three (two forks, a new session, a cleaned environment) is not found.
 */
export function findTree(mark: TreeMark): ProcessFacts[] {
  const all = listProcesses('/proc').filter((each) => each.pid !== process.pid);
  const members = new Set(
    all.filter(
      (each) => each.pid === mark.root || each.session === mark.root || isMarked(each.pid, mark.runId),
    ),
  );
  const ids = new Set([mark.root, ...[...members].map((each) => each.pid)]);
  for (let grew = true; grew; ) {
    grew = false;
    for (const each of all) {
      if (members.has(each) || !ids.has(each.parent)) continue;
      members.add(each);
      ids.add(each.pid);
      grew = true;
    }
  }
  return [...members];
}

/** Lists the live processes of this machine that carry the mark of a run in their environment. */
export function markedProcesses(runId: string): ProcessFacts[] {
  return listProcesses('/proc').filter(({ pid }) => pid !== process.pid && isMarked(pid, runId));
}

function isMarked(pid: number, runId: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').includes(`HAET_RUN_ID=${runId}`);
  } catch {
    return false; // it ended, or belongs to another user
  }
}

/**
 * Ends a tree: stops the processes it finds until a search finds no new one (a stopped process cannot fork), kills them
 * all, and repeats this until none is left.
 * @throws Error if some are still there after ten minutes
 */
export async function killTree(mark: TreeMark): Promise<KillTimes & { processesKilled: number }> {
  const killed = new Set<string>();
  const signalledAt = performance.now();
  const killFound = () => {
    let found = findTree(mark);
    for (let before = -1; found.length > before; found = findTree(mark)) {
      before = found.length;
      for (const each of found) signalQuietly(each.pid, 'SIGSTOP');
    }
    for (const each of found) {
      killed.add(`${each.pid} ${each.startTicks}`);
      signalQuietly(each.pid, 'SIGKILL');
    }
    return found.length === 0;
  };
  const isGone = killFound();
  const stoppedAt = performance.now();
  if (!isGone) await untilGone(killFound);
  return { signalledAt, stoppedAt, goneAt: performance.now(), processesKilled: killed.size };
}

/**
 * Shell script that waits for the end of its input, which only we hold, and then, since we have died, does what `killTree`
 * does. Arguments: the run's id, the session.
 */
export const guardScript = `
read -r _
kill -KILL -- "-$2" 2>/dev/null
while pids=$(grep -lszx "HAET_RUN_ID=$1" /proc/[0-9]*/environ | cut -d/ -f3); [ -n "$pids" ]; do
  kill -KILL $pids 2>/dev/null
done`;
