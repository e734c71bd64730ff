import type { StageRecord } from '../run/record.ts';
import { isOutOfMemory } from './outOfMemory.ts';
import type { WatchResult } from './watchdog.ts';

type Ending = Pick<WatchResult, 'cause' | 'exit'> & { kill: Pick<WatchResult['kill'], 'limitHits'> };

interface MemoryFound {
  /** Out-of-memory kills on the whole machine during the stage. */
  readonly machineOomKills: number;
  /** Peak of the sampled use, and the limit. */
  readonly memory: { readonly peakBytes: number; readonly limitBytes: number };
}

/**
 * Determines the cause from measurements of the stage only. An exit status never proves a lack of memory, processes
 * or disk: the first two need counters of the stage's own control group, the third an output folder over its quota.
 * Without a control group, lack of memory needs a kill by the kernel and sampled use over the limit.
 */
export function causeOf(
  { cause, exit, kill: { limitHits } }: Ending,
  found: MemoryFound & { readonly outputFull: boolean },
): StageRecord['ended'] {
  if (cause === 'memory') return 'out-of-memory';
  if (cause !== 'exited' || exit.exitCode === 0) return cause;
  if (limitHits === null ? wasKilledBeyond(exit, found) : isOutOfMemory(limitHits)) return 'out-of-memory';
  if (limitHits !== null && limitHits.processesRefused > 0) return 'too-many-processes';
  return found.outputFull ? 'disk-full' : 'exited';
}

function wasKilledBeyond(
  { exitCode, signal }: Ending['exit'],
  { machineOomKills, memory }: MemoryFound,
): boolean {
  const wasKilled = signal === 'SIGKILL' || exitCode === 137;
  return wasKilled && machineOomKills > 0 && memory.peakBytes > memory.limitBytes;
}

/**
 * Returns the fault of the machine that made a stage fail, as a sentence; null if the stage succeeded or failed by
 * itself. Anyone can exhaust the machine's memory and disk. If that happened while a stage failed and nothing shows
 * that the stage exceeded its own share, the stage is not blamed.
 * @param found.machineDiskFull whether the disk of the run was full although the stage's files were within their
 *   quota
 */
export function faultOfMachine(
  { cause, exit, kill: { limitHits } }: Ending,
  { machineOomKills, memory, machineDiskFull }: MemoryFound & { readonly machineDiskFull: boolean },
): string | null {
  if (cause !== 'exited' || exit.exitCode === 0) return null;
  if (limitHits !== null && limitHits.outOfMemoryKills > 0 && !isOutOfMemory(limitHits)) {
    return `the machine ran out of memory and the kernel killed ${limitHits.outOfMemoryKills} of its processes, which were below their limit`;
  }
  if (limitHits === null && machineOomKills > 0 && memory.peakBytes <= memory.limitBytes) {
    return `the kernel's out-of-memory killer ran ${machineOomKills} times on this machine during the failed stage, which used ${memory.peakBytes} of its ${memory.limitBytes} bytes`;
  }
  return machineDiskFull ? 'the disk of the run was full, but its own output was within its quota' : null;
}
