import type { RunRecord, StageRecord } from '../run/record.ts';
import { unheld } from '../sandbox/holds.ts';

const mebibyte = 2 ** 20;
/** Some of what the kernel needs for itself it takes beyond a limit, for example while it ends a process for lack of memory. */
const countedSlack = { share: 0.02, bytes: 16 * mebibyte };
/** Resident pages that another control group pays for: programs and libraries that somebody else had read before. */
const residentSlackBytes = 512 * mebibyte;
/** A quota of CPU time is dealt out in slices, and times are counted in ticks of 10 ms. */
const cpuSlack = { share: 0.05, secondsPerCpu: 1 };

/** The first limit that was not held, or that the recorded use is beyond, as a sentence; null when there is none. */
export function heldFault({ sandbox, limits, machine, stages }: RunRecord): string | null {
  const missing = unheld(sandbox.holds);
  if (missing.length > 0) return `the ${sandbox.kind} sandbox did not hold ${missing.join(', ')}`;
  // In the image evaluator and entry share what the container was given, and that is what the kernel holds them to.
  const memoryBytes = sandbox.kind === 'user' ? machine.memoryBytes : limits.memoryBytes;
  for (const stage of stages) {
    const fault =
      memoryFault(stage, memoryBytes) ??
      processesFault(stage, limits.processes) ??
      cpuFault(stage, limits.cpus);
    if (fault !== null) return `${stage.stage} ${fault}`;
  }
  return null;
}

/**
 * Where the control group counted the peak, that is compared. A sum of resident memory counts a page that several
 * processes share once for each, so it proves less: one process at least has the mean, and the stage no less than that.
 */
function memoryFault({ limitHits, usage }: StageRecord, limitBytes: number): string | null {
  const counted = limitHits?.peakMemoryBytes ?? null;
  if (counted !== null) {
    const most = limitBytes * (1 + countedSlack.share) + countedSlack.bytes;
    return counted > most ? `used ${counted} bytes of memory, and the limit is ${limitBytes} bytes` : null;
  }
  for (const { memoryBytes, processes, atSeconds } of usage) {
    const mean = memoryBytes / Math.max(1, processes);
    if (mean > limitBytes + residentSlackBytes) {
      return `had ${Math.round(mean)} bytes of memory per process at ${atSeconds} s, and the limit is ${limitBytes} bytes`;
    }
  }
  return null;
}

function processesFault({ usage }: StageRecord, limit: number): string | null {
  const beyond = usage.find(({ processes }) => processes > limit);
  return beyond === undefined ? null : `had ${beyond.processes} processes, and the limit is ${limit}`;
}

function cpuFault({ cpuSeconds, seconds }: StageRecord, cpus: number): string | null {
  const most = cpus * (seconds * (1 + cpuSlack.share) + cpuSlack.secondsPerCpu);
  if (cpuSeconds <= most) return null;
  return `used ${cpuSeconds} s of CPU time in ${seconds} s, more than ${cpus} CPUs give`;
}
