import type { LimitHits } from '../sandbox/sandbox.ts';

/**
 * Whether a stage was killed because it reached its own memory limit. The kernel also counts kills when the whole
 * machine ran out of memory.
 */
export function isOutOfMemory(limitHits: LimitHits | null): boolean {
  return limitHits !== null && limitHits.outOfMemoryKills > 0 && limitHits.memoryUsedUp;
}
