import type { StageRecord } from '../run/record.ts';
import { isOutOfMemory } from './outOfMemory.ts';
import type { WatchResult } from './watchdog.ts';

type Ending = Pick<WatchResult, 'cause' | 'exit'> & { kill: Pick<WatchResult['kill'], 'limitHits'> };

interface MemoryFound {
  /** How often the kernel's out-of-memory killer struck anywhere on the machine while the stage ran. */
  readonly machineOomKills: number;
  /** What the stage's processes were seen to use at most, and what the stage was given. */
  readonly memory: { readonly peakBytes: number; readonly limitBytes: number };
}

/**
 * Names the cause by what was measured of the stage alone. An exit status never proves lack of memory, processes or disk:
 * the first two take the counts of the stage's own control group, the third an output folder beyond its quota. Without a
 * control group, lack of memory takes a kill by the kernel and a stage that was seen beyond what it was given.
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
 * What of this machine failed a stage, as a sentence; null where the stage ended well or failed by itself. Memory and
 * disk of the whole machine can be used up by anybody: where that happened while a stage failed, and nothing shows that
 * the stage had used up its own share, the stage is not to blame.
 * @param found.machineDiskFull whether the disk of the run was full, with the stage's own files within their quota
 */
export function faultOfMachine(
  { cause, exit, kill: { limitHits } }: Ending,
  { machineOomKills, memory, machineDiskFull }: MemoryFound & { readonly machineDiskFull: boolean },
): string | null {
  if (cause !== 'exited' || exit.exitCode === 0) return null;
  if (limitHits !== null && limitHits.outOfMemoryKills > 0 && !isOutOfMemory(limitHits)) {
    return `the machine ran out of memory and the kernel killed ${limitHits.outOfMemoryKills} of its processes, which had memory left of what they were given`;
  }
  if (limitHits === null && machineOomKills > 0 && memory.peakBytes <= memory.limitBytes) {
    return `the kernel's out-of-memory killer struck ${machineOomKills} times on this machine while it ran and failed; it was seen to use ${memory.peakBytes} of the ${memory.limitBytes} bytes that it was given`;
  }
  return machineDiskFull ? 'the disk of the run was full, while its own output was within its quota' : null;
}
