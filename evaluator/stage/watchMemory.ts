import { setTimeout as sleep } from 'node:timers/promises';

const pauseMs = 100;

export interface MemoryWatch {
  /** Aborted when the stage held more than it was given. */
  readonly beyond: AbortSignal;
  /** What it held then; null where it never did. */
  readonly foundBytes: () => number | null;
  stop(): void;
}

/**
 * Looks ten times a second whether a stage holds more memory than it was given, where no control group of its own
 * sees to that. What an entry takes faster meets the limit of the container, and the kernel kills the entry first.
 * @param memoryBeyond what the stage holds where that is too much, else null; undefined where that is seen to
 */
export function watchMemory(memoryBeyond: (() => number | null) | undefined): MemoryWatch {
  const beyond = new AbortController();
  const stopped = new AbortController();
  let found: number | null = null;
  void (async () => {
    while (memoryBeyond !== undefined && !stopped.signal.aborted) {
      found = quietly(memoryBeyond);
      if (found !== null) return beyond.abort();
      await sleep(pauseMs, undefined, { signal: stopped.signal }).catch(() => {});
    }
  })();
  return { beyond: beyond.signal, foundBytes: () => found, stop: () => stopped.abort() };
}

function quietly(memoryBeyond: () => number | null): number | null {
  try {
    return memoryBeyond();
  } catch {
    return null; // what cannot be seen proves nothing
  }
}
