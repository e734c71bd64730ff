import { watchContention } from '../machine/contention.ts';
import type { StageRecord } from '../run/record.ts';
import type { RunningStage, StageLimits } from '../sandbox/sandbox.ts';
import { namelessBytes } from './namelessFiles.ts';
import { sampleUsage } from './sampleUsage.ts';
import type { StopCause } from './watchdog.ts';
import { watchMemory } from './watchMemory.ts';
import { exceeds, kernelPathBytes, type OutputQuota, watchOutput } from './watchOutput.ts';

/** The watchers of a running stage. */
export interface Watchers {
  /** Aborted when the stage exceeds a limit. */
  readonly stops: Readonly<Record<Exclude<StopCause, 'interrupted'>, AbortSignal>>;
  /** Ends sampling, because a killed process that dies slowly no longer belongs to the stage. Fast. */
  end(): void;
  /** Ends everything; can be called without `end`. */
  stop(): WatchFindings;
}

export interface WatchFindings
  extends Pick<StageRecord, 'usage' | 'cpuSeconds' | 'peakMemoryBytes' | 'contention'> {
  /** Memory of the stage when it exceeded its limit; null if it never did. */
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
  // With its own file system, the kernel limits the scratch folder.
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

/** Whether a finished stage exceeds the limits of its folders. */
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

/** Returns the limit of the scratch folder, whose files are not counted. */
function scratchQuota({ workBytes }: StageLimits): OutputQuota {
  return { bytes: workBytes, files: Number.MAX_SAFE_INTEGER };
}

/** Returns the ids of a stage's processes; empty if the stage just ended. */
function idsOf(running: RunningStage): number[] {
  try {
    return running.processes().map(({ pid }) => pid);
  } catch {
    return [];
  }
}
