import { setTimeout as sleep } from 'node:timers/promises';

const pauseMs = 100;

export interface MemoryWatch {
  /** Aborted when the stage exceeds its memory. */
  readonly beyond: AbortSignal;
  /** Returns its memory at that time; null if it never exceeded its limit. */
  readonly foundBytes: () => number | null;
  stop(): void;
}

/**
 * Polls ten times per second whether a stage exceeds its memory, if it has no control group. An entry that allocates
 * faster reaches the container's limit, where the kernel kills it first.
 * @param memoryBeyond returns the stage's memory if it exceeds the limit, else null; undefined if a control group
 *   enforces it
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
    return null; // no measurement, no accusation
  }
}
