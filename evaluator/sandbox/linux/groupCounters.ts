import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LimitHits } from '../sandbox.ts';
import type { GroupFolders } from './groupFolders.ts';

/**
 * What the kernel counted against a group's limits. Kills for lack of memory are `oom_kill` of memory.events (version 2)
 * or memory.oom_control (version 1); the kernel counts there also a process that it kills because the whole machine ran
 * out of memory. Whether the group had used up its own is said by `oom` of memory.events (version 2); in version 1, whose
 * memory.failcnt newer kernels leave at 0, by a peak at the limit. Refused processes are `max` of pids.events, the peak of
 * memory memory.peak (version 2, since Linux 5.19) or memory.max_usage_in_bytes (version 1). Null where a counter other
 * than the peak cannot be read.
 */
export function readLimitHits({ memory, pids }: GroupFolders): LimitHits | null {
  const outOfMemoryKills =
    counter(join(memory, 'memory.events'), 'oom_kill') ??
    counter(join(memory, 'memory.oom_control'), 'oom_kill');
  const memoryUsedUp = isMemoryUsedUp(memory);
  const processesRefused = counter(join(pids, 'pids.events'), 'max');
  return outOfMemoryKills === null || memoryUsedUp === null || processesRefused === null
    ? null
    : { outOfMemoryKills, memoryUsedUp, processesRefused, peakMemoryBytes: readPeakMemory(memory) };
}

function readPeakMemory(folder: string): number | null {
  return wholeNumber(join(folder, 'memory.peak')) ?? wholeNumber(join(folder, 'memory.max_usage_in_bytes'));
}

/** Most processes and threads of a group; null where it has no limit. */
export function readProcessLimit({ pids }: GroupFolders): number | null {
  try {
    const text = readFileSync(join(pids, 'pids.max'), 'latin1').trim();
    return text === 'max' ? null : Number(text);
  } catch {
    return null; // the root of version 1 has no such file
  }
}

/** The kernel charges memory in batches per CPU, so a peak may stay a little below the limit (MEMCG_CHARGE_BATCH). */
const chargeSlackBytes = 2 ** 20;

function isMemoryUsedUp(folder: string): boolean | null {
  const refusals = counter(join(folder, 'memory.events'), 'oom');
  if (refusals !== null) return refusals > 0;
  const [peak, limit] = ['max_usage_in_bytes', 'limit_in_bytes'].map((file) =>
    wholeNumber(join(folder, `memory.${file}`)),
  );
  return peak == null || limit == null ? null : peak >= limit - chargeSlackBytes;
}

function wholeNumber(file: string): number | null {
  try {
    return Number(readFileSync(file, 'latin1'));
  } catch {
    return null;
  }
}

function counter(file: string, name: string): number | null {
  try {
    const match = new RegExp(`^${name} (\\d+)$`, 'm').exec(readFileSync(file, 'latin1'));
    return match === null ? null : Number(match[1]);
  } catch {
    return null;
  }
}
