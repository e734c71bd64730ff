import type { StageRecord } from '../run/record.ts';
import type { ProcessSample } from '../sandbox/sandbox.ts';

const intervalMs = 1000;
/** The first sample is early, so that short stages have one. */
const firstMs = 200;

export interface UsageSampler {
  /** Takes no more samples. Processes that die slowly after the kill are not sampled. */
  end(): void;
  /** Ends sampling and returns the result. */
  stop(): Pick<StageRecord, 'usage' | 'cpuSeconds' | 'peakMemoryBytes'>;
}

/**
 * Samples the resource use of a stage once per second: cores used since the last sample, resident memory summed over
 * its processes (shared pages count once per process), number of processes. CPU time of a process between its last
 * sample and its end is not counted.
 * @param startedAt milliseconds of `performance.now()`
 */
export function sampleUsage(processes: () => ProcessSample[], startedAt: number): UsageSampler {
  const usage: StageRecord['usage'] = [];
  const cpuOf = new Map<string, number>();
  let cpuSeconds = 0;
  let lastAt = startedAt;

  const sample = () => {
    const now = performance.now();
    let memoryBytes = 0;
    let spent = 0;
    const live = processes();
    for (const each of live) {
      const key = `${each.pid} ${each.startTicks}`;
      spent += each.cpuSeconds - (cpuOf.get(key) ?? 0);
      cpuOf.set(key, each.cpuSeconds);
      memoryBytes += each.memoryBytes;
    }
    if (live.length === 0) return;
    cpuSeconds += spent;
    usage.push({
      atSeconds: (now - startedAt) / 1000,
      cpuCores: (spent * 1000) / (now - lastAt),
      memoryBytes,
      processes: live.length,
    });
    lastAt = now;
  };
  const quietly = () => {
    try {
      sample();
    } catch {
      // the stage just ended
    }
  };
  const first = setTimeout(quietly, firstMs);
  const timer = setInterval(quietly, intervalMs);
  const end = () => {
    clearTimeout(first);
    clearInterval(timer);
  };
  return {
    end,
    stop() {
      end();
      const peakMemoryBytes = Math.max(0, ...usage.map((each) => each.memoryBytes));
      return { usage, cpuSeconds, peakMemoryBytes };
    },
  };
}
