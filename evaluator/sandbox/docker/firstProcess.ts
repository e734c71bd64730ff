import { readFileSync } from 'node:fs';
import { type GroupFolders, processesIn } from '../linux/groupFolders.ts';
import { hasFatalSignal, readProcess } from '../linux/procfs.ts';

const intervalMs = 10;

export interface FirstProcessWatch {
  /** Resolves to the time, in milliseconds of `performance.now()`, at which it was seen to have ended. */
  readonly ended: Promise<number>;
  stop(): void;
}

/**
 * Watches the first process of a stage, 100 times per second. `docker exec` reports its end up to 2 s late if another
 * process still holds its output open.
 * @param init the container's own first process, on this machine
 */
export function watchFirstProcess(group: GroupFolders, init: number): FirstProcessWatch {
  let timer: NodeJS.Timeout;
  const ended = new Promise<number>((resolve) => {
    let first: { readonly pid: number; readonly startTicks: number } | null = null;
    timer = setInterval(() => {
      if (first === null) first = findFirst(group, init);
      else if (readProcess('/proc', first.pid)?.startTicks !== first.startTicks) {
        clearInterval(timer);
        // If the container itself is ending, `docker exec` knows more.
        if (!hasFatalSignal(init)) resolve(performance.now());
      }
    }, intervalMs);
  });
  return { ended, stop: () => clearInterval(timer) };
}

/** Returns the process that the engine started: orphans get the container's first process as parent, it does not. */
function findFirst(group: GroupFolders, init: number) {
  const ids = new Set(processesIn(group));
  for (const pid of ids) {
    const facts = pid === init ? null : readProcess('/proc', pid);
    if (facts !== null && !ids.has(facts.parent) && !isOfRuntime(pid)) return facts;
  }
  return null;
}

/** Until a process becomes the stage's program, it is named after the container runtime. */
function isOfRuntime(pid: number): boolean {
  try {
    return /^(runc|crun)/.test(readFileSync(`/proc/${pid}/comm`, 'latin1'));
  } catch {
    return true; // it ended meanwhile
  }
}
