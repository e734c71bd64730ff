import type { LimitHits } from './sandbox/sandbox.ts';

/**
 * Whether a stage was killed because it had used up its own memory. The kernel counts a kill also where the whole machine
 * ran out of memory: only together with a refusal at the stage's own limit is it the stage's.
 */
export function isOutOfMemory(limitHits: LimitHits | null): boolean {
  return limitHits !== null && limitHits.outOfMemoryKills > 0 && limitHits.memoryRefused > 0;
}
