import { watchContention } from '../machine/contention.ts';
import type { StageRecord } from '../run/record.ts';
import type { RunningStage, StageLimits } from '../sandbox/sandbox.ts';
import { namelessBytes } from './namelessFiles.ts';
import { sampleUsage } from './sampleUsage.ts';
import type { StopCause } from './watchdog.ts';
import { watchMemory } from './watchMemory.ts';
import { exceeds, kernelPathBytes, type OutputQuota, watchOutput } from './watchOutput.ts';

/** All that is looked at while a stage runs. */
export interface Watchers {
  /** Aborted when the stage went beyond what it was given. */
  readonly stops: Readonly<Record<Exclude<StopCause, 'interrupted'>, AbortSignal>>;
  /** Ends the sampling: a killed process that the kernel takes down slowly is no part of the stage any more. Is quick. */
  end(): void;
  /** Ends everything; may be called where `end` was not. */
  stop(): WatchFindings;
}

export interface WatchFindings
  extends Pick<StageRecord, 'usage' | 'cpuSeconds' | 'peakMemoryBytes' | 'contention'> {
  /** Memory that the stage held when that was too much; null where it never was. */
  readonly memoryFoundBytes: number | null;
}

/**
 * Starts everything that watches a running stage.
 * @param work path of its scratch folder on this machine
 */
export function startWatchers(running: RunningStage, limits: StageLimits, work: string): Watchers {
  const usage = sampleUsage(running.processes, running.startedAt);
  const neighbours = watchContention(running.processes, limits.cpus);
  const { output } = running;
  const outputWatch = watchOutput(output.path, outputQuota(limits), (device) =>
    namelessBytes(running.proc, idsOf(running), device),
  );
  // On a file system of its own, the kernel holds the scratch folder to its size.
  const scratchWatch = output.walled ? null : watchOutput(work, scratchQuota(limits));
  const memory = watchMemory(running.memoryBeyond);
  return {
    stops: {
      'disk-full':
        scratchWatch === null ? outputWatch.full : AbortSignal.any([outputWatch.full, scratchWatch.full]),
      memory: memory.beyond,
    },
    end() {
      usage.end();
      neighbours.end();
    },
    stop() {
      outputWatch.stop();
      scratchWatch?.stop();
      memory.stop();
      return { ...usage.stop(), contention: neighbours.stop(), memoryFoundBytes: memory.foundBytes() };
    },
  };
}

/** Tells whether a stage that is over holds more in its folders than it may. */
export async function isBeyondQuota(
  { output }: Pick<RunningStage, 'output'>,
  limits: StageLimits,
  work: string,
): Promise<boolean> {
  if (await exceeds(output.path, outputQuota(limits))) return true;
  return !output.walled && (await exceeds(work, scratchQuota(limits)));
}

function outputQuota({ outBytes, outFiles }: StageLimits): OutputQuota {
  return { bytes: outBytes, files: outFiles, pathBytes: kernelPathBytes };
}

/** What the scratch folder may hold; its files are not counted. */
function scratchQuota({ workBytes }: StageLimits): OutputQuota {
  return { bytes: workBytes, files: Number.MAX_SAFE_INTEGER };
}

/** None where the stage has just ended, and its processes cannot be listed any more. */
function idsOf(running: RunningStage): number[] {
  try {
    return running.processes().map(({ pid }) => pid);
  } catch {
    return [];
  }
}
