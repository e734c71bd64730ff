import { readFileSync, readlinkSync } from 'node:fs';
import type { RunRecord, StageRecord } from '../run/record.ts';
import type { VerdictCode } from '../run/verdict.ts';
import type { ProcessSample } from '../sandbox/sandbox.ts';
import { cpuOfOthers, createOthers, type Others } from './othersCpu.ts';

/** What others may use, as a fraction of CPUs given times seconds, before a stage counts as disturbed. */
export const usualMostDisturbance = 0.05;
/** What they may use of a short stage, in CPU seconds. */
const leastSeconds = 1;
const intervalMs = 1000;
const busiestShown = 3;
/** The kernel's number of the first process namespace: in any other, the processes of others are not to be seen. */
const firstProcessNamespace = 'pid:[4026531836]';
/** What these say, the entry brought about alone, whatever else ran. */
const undisturbable: readonly VerdictCode[] = [
  'REJECTED_ARCHIVE',
  'RULE_VIOLATION',
  'INFRA_FAULT',
  'ABORTED',
];

type Contention = NonNullable<StageRecord['contention']>;

/**
 * Whether others used so much of the machine during a stage that its time is not what it was meant to be: more than
 * 1 CPU second and more than a share of what the entry was given. The score is not asked.
 * @param most share, a fraction of 1
 */
export function isDisturbed(
  { contention, seconds }: Pick<StageRecord, 'contention' | 'seconds'>,
  cpus: number,
  most: number,
): boolean {
  if (contention === null) return false;
  const used = contention.othersCpuSeconds + contention.stolenCpuSeconds;
  return used > Math.max(leastSeconds, most * cpus * seconds);
}

/** Whether a run does not count because of others. One whose verdict has nothing to do with time does. */
export function isRunDisturbed(
  { verdict, stages, limits }: Pick<RunRecord, 'verdict' | 'stages' | 'limits'>,
  most: number,
): boolean {
  return !undisturbable.includes(verdict) && stages.some((stage) => isDisturbed(stage, limits.cpus, most));
}

/** One sentence for each stage that was disturbed, and one where that could not be seen. */
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
        ({ stage, contention }) => `${stage}: disturbed: ${describe(contention!)} of the ${cpus} CPUs given`,
      ),
    ...(unseen.length === 0
      ? []
      : [`${unseen.join(', ')}: what other programs did to this machine could not be seen from here`]),
  ];
}

function describe({ othersCpuSeconds, stolenCpuSeconds, share }: Contention): string {
  return `others used ${othersCpuSeconds.toFixed(1)} CPU seconds and ${stolenCpuSeconds.toFixed(1)} were stolen, ${(100 * share).toFixed(1)} %`;
}

/** How long after its end a stage may still be looked at. */
const mostLateMs = 250;

/**
 * Measures from now on, once a second, what others do to this machine.
 * @param processes those of the stage
 * @param cpus that the stage was given
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
      // the stage has just ended
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
      // One more look, unless the kernel took long to remove the stage: what others did meanwhile is not of it.
      if (performance.now() - at < mostLateMs) look();
      return contentionOf(others, stolen, cpus * (at - startedAt));
    },
  };
}

export interface ContentionWatch {
  /** Looks no more: how long the kernel takes to remove a killed stage is no part of it. Takes no time to speak of. */
  end(): void;
  /** Ends it, and says what was seen; null where it cannot be seen. */
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
 * Measures what others do to this machine while nothing of ours runs; null where that cannot be seen.
 * @param cpus that an entry is to be given
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

/** Programs name themselves. */
const harmless = (command: string) => command.replace(/[^A-Za-z0-9._+-]/g, '_').slice(0, 15);
const rounded = (seconds: number) => Math.round(seconds * 100) / 100;

/** Whether /proc shows every process of this machine: not in a container, nor where it hides those of other users. */
function canBeSeen(): boolean {
  try {
    readFileSync('/proc/1/stat');
    return readlinkSync('/proc/self/ns/pid') === firstProcessNamespace;
  } catch {
    return false;
  }
}

/** CPU time that the hypervisor gave to others, all CPUs together, since start-up (proc_stat(5)); null where it is not told. */
function stolenSeconds(): number | null {
  try {
    const ticks = /^cpu\s+(?:\d+ ){7}(\d+)/.exec(readFileSync('/proc/stat', 'latin1'))?.[1];
    return ticks === undefined ? null : Number(ticks) / 100;
  } catch {
    return null;
  }
}
