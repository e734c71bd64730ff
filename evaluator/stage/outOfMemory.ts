import type { LimitHits } from '../sandbox/sandbox.ts';

/**
 * Whether a stage was killed because it had used up its own memory. The kernel counts a kill also where the whole machine
 * ran out of memory: it is the stage's only where that had used up its own.
 */
export function isOutOfMemory(limitHits: LimitHits | null): boolean {
  return limitHits !== null && limitHits.outOfMemoryKills > 0 && limitHits.memoryUsedUp;
}
