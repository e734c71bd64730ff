import { readFileSync, readlinkSync } from 'node:fs';
import type { RunRecord, StageRecord } from '../run/record.ts';
import type { VerdictCode } from '../run/verdict.ts';
import type { ProcessSample } from '../sandbox/sandbox.ts';
import { cpuOfOthers, createOthers, type Others } from './othersCpu.ts';

/** Share of CPUs × seconds that other work may use before a stage counts as disturbed. */
export const usualMostDisturbance = 0.05;
/** Minimum for short stages, in CPU seconds. */
const leastSeconds = 1;
const intervalMs = 1000;
const busiestShown = 3;
/** Inode of the initial process namespace; in any other, processes of others are invisible. */
const firstProcessNamespace = 'pid:[4026531836]';
/** Verdicts that only the entry can cause, whatever else ran. */
const undisturbable: readonly VerdictCode[] = [
  'REJECTED_ARCHIVE',
  'RULE_VIOLATION',
  'INFRA_FAULT',
  'ABORTED',
];

type Contention = NonNullable<StageRecord['contention']>;

/**
 * Whether other work used more than 1 CPU second and more than a share of the entry's CPUs during a stage. The score
 * has no influence.
 * @param most share, a fraction of 1; 1 means no limit, because other work can use more CPUs than the entry is given
 */
export function isDisturbed(
  { contention, seconds }: Pick<StageRecord, 'contention' | 'seconds'>,
  cpus: number,
  most: number,
): boolean {
  if (contention === null || most >= 1) return false;
  const used = contention.othersCpuSeconds + contention.stolenCpuSeconds;
  return used > Math.max(leastSeconds, most * cpus * seconds);
}

/** Whether a run does not count because it was disturbed. Verdicts that do not depend on time always count. */
export function isRunDisturbed(
  { verdict, stages, limits }: Pick<RunRecord, 'verdict' | 'stages' | 'limits'>,
  most: number,
): boolean {
  return !undisturbable.includes(verdict) && stages.some((stage) => isDisturbed(stage, limits.cpus, most));
}

/** Returns one sentence per disturbed stage, and one about stages that could not be measured. */
export function disturbances(
  stages: readonly StageRecord[],
  cpus: number,
  most = usualMostDisturbance,
): string[] {
  const unseen = stages.filter(({ contention }) => contention === null).map(({ stage }) => stage);
  return [
    ...stages
      .filter((stage) => isDisturbed(stage, cpus, most))
      .map(
        ({ stage, contention }) => `${stage}: disturbed: ${describe(contention!)} of the given ${cpus} CPUs`,
      ),
    ...(unseen.length === 0
      ? []
      : [`${unseen.join(', ')}: other work on this machine could not be measured here`]),
  ];
}

function describe({ othersCpuSeconds, stolenCpuSeconds, share }: Contention): string {
  return `others used ${othersCpuSeconds.toFixed(1)} CPU seconds and ${stolenCpuSeconds.toFixed(1)} were stolen, ${(100 * share).toFixed(1)} %`;
}

/** Time after a stage's end for a last sample. */
const mostLateMs = 250;

/**
 * Starts measuring other work on this machine, once per second.
 * @param processes lists the processes of the stage
 * @param cpus number of CPUs of the stage
 */
export function watchContention(processes: () => ProcessSample[], cpus: number): ContentionWatch {
  const startedAt = performance.now();
  const others = tryToSee();
  const stolenBefore = stolenSeconds();
  if (others === null || stolenBefore === null) return { end() {}, stop: () => null };
  let ended: { at: number; stolen: number } | null = null;
  const look = () => {
    try {
      others.look(processes());
    } catch {
      // the stage just ended
    }
  };
  const timer = setInterval(look, intervalMs);
  const end = () => {
    clearInterval(timer);
    const stolen = Math.max(0, (stolenSeconds() ?? stolenBefore) - stolenBefore);
    ended ??= { at: performance.now(), stolen };
    return ended;
  };
  return {
    end() {
      end();
    },
    stop() {
      const { at, stolen } = end();
      // Takes a last sample unless removing the stage took long, because work after its end does not belong to it.
      if (performance.now() - at < mostLateMs) look();
      return contentionOf(others, stolen, cpus * (at - startedAt));
    },
  };
}

export interface ContentionWatch {
  /** Stops sampling at once; the time to remove a killed stage is not part of it. */
  end(): void;
  /** Ends the measurement and returns it; null if not measurable. */
  stop(): Contention | null;
}

function tryToSee(): ReturnType<typeof createOthers> | null {
  try {
    return canBeSeen() ? createOthers() : null;
  } catch {
    return null;
  }
}

/**
 * Measures other work on this machine while no stage runs; null if not measurable.
 * @param cpus number of CPUs that an entry will get
 */
export async function lookAtOthers(milliseconds: number, cpus: number): Promise<Contention | null> {
  const watch = watchContention(() => [], cpus);
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
  return watch.stop();
}

function contentionOf(others: Others, stolenCpuSeconds: number, givenMs: number): Contention {
  const { seconds, byCommand } = cpuOfOthers(others);
  const busiest = [...byCommand]
    .sort(([, a], [, b]) => b - a)
    .slice(0, busiestShown)
    .map(([command, cpuSeconds]) => ({ command: harmless(command), cpuSeconds: rounded(cpuSeconds) }))
    .filter(({ cpuSeconds }) => cpuSeconds > 0);
  return {
    othersCpuSeconds: rounded(seconds),
    stolenCpuSeconds: rounded(stolenCpuSeconds),
    share: givenMs > 0 ? (1000 * (seconds + stolenCpuSeconds)) / givenMs : 0,
    busiest,
  };
}

/** Sanitises a program name, which any program can choose for itself. */
const harmless = (command: string) => command.replace(/[^A-Za-z0-9._+-]/g, '_').slice(0, 15);
const rounded = (seconds: number) => Math.round(seconds * 100) / 100;

/** Whether /proc shows every process of this machine: not in a container, nor if it hides those of other users. */
function canBeSeen(): boolean {
  try {
    readFileSync('/proc/1/stat');
    return readlinkSync('/proc/self/ns/pid') === firstProcessNamespace;
  } catch {
    return false;
  }
}

/**
 * Returns the CPU time that the hypervisor gave to others on all CPUs since start-up (proc_stat(5)); null if not
 * reported.
 */
function stolenSeconds(): number | null {
  try {
    const ticks = /^cpu\s+(?:\d+ ){7}(\d+)/.exec(readFileSync('/proc/stat', 'latin1'))?.[1];
    return ticks === undefined ? null : Number(ticks) / 100;
  } catch {
    return null;
  }
}
