import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { median } from 'simple-statistics';
import type { RunRecord } from '../../evaluator/run/record.ts';
import { startGrade } from './startGrade.ts';
import type { Stubs } from './stubs.ts';

/** What a grading of stubs cost. */
export interface Measured {
  readonly executor: 'local' | 'slurm';
  readonly runs: number;
  /** Seconds from the start of a run to the start of the next on the same machine, without its stages: median. */
  readonly overhead: number;
  /** From the call of `haet grade` to its end. */
  readonly seconds: number;
  /** Of the coordinator. */
  readonly peakMemoryBytes: number;
}

/** What the calls of `haet grade` so far took, kept in the place of a grading. */
type Spent = Pick<Measured, 'seconds' | 'peakMemoryBytes'>;

const sampleMs = 200;

/**
 * Grades stubs, or goes on with a grading that was stopped: its seconds are added up, and its peak memory is the
 * highest of all calls.
 * @param given.place folder of the grading
 */
export async function measureGrading(given: {
  readonly executor: Measured['executor'];
  readonly stubs: Stubs;
  readonly seeds: number;
  readonly place: string;
  readonly env?: NodeJS.ProcessEnv;
}): Promise<Measured> {
  const { executor, stubs, seeds, place, env } = given;
  const out = join(place, 'out');
  const before = spentIn(place);
  const startedAt = performance.now();
  const { child, ended } = startGrade(stubs, out, ['--executor', executor, '--seeds', String(seeds)], env);
  let peakMemoryBytes = 0;
  const spent = (): Spent => ({
    seconds: before.seconds + (performance.now() - startedAt) / 1000,
    peakMemoryBytes: Math.max(before.peakMemoryBytes, peakMemoryBytes),
  });
  const sampling = setInterval(() => {
    peakMemoryBytes = peakMemoryOf(child.pid!) ?? peakMemoryBytes;
    writeFileSync(join(place, spentFile), JSON.stringify(spent()));
  }, sampleMs);
  const { code, standing, stderr } = await ended;
  clearInterval(sampling);
  const took = spent();
  if (code !== 0) throw new Error(`haet grade ended with ${code}: ${stderr}`);
  const { done } = standing!.runs;
  return { executor, runs: done, overhead: overheadOf(recordsIn(out)), ...took };
}

const spentFile = 'spent.json';

function spentIn(place: string): Spent {
  try {
    return JSON.parse(readFileSync(join(place, spentFile), 'utf8'));
  } catch {
    return { seconds: 0, peakMemoryBytes: 0 };
  }
}

/** Returns the peak resident memory of a process; null if it is gone. */
function peakMemoryOf(pid: number): number | null {
  try {
    const found = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'));
    return found && Number(found[1]) * 1024;
  } catch {
    return null;
  }
}

function recordsIn(out: string): RunRecord[] {
  const runs = join(out, 'runs');
  return readdirSync(runs)
    .flatMap((job) => readdirSync(join(runs, job)).map((attempt) => join(runs, job, attempt, 'record.json')))
    .map((path) => JSON.parse(readFileSync(path, 'utf8')));
}

/** Returns the median time between the starts of two runs that follow each other on a machine, without the first's stages. */
export function overheadOf(records: readonly Pick<RunRecord, 'startedAt' | 'evidence' | 'stages'>[]): number {
  const nodes = new Map<string, (typeof records)[number][]>();
  for (const record of records) {
    const node = /ran on node (\w+)/.exec(record.evidence.join())?.[1] ?? 'here';
    nodes.set(node, [...(nodes.get(node) ?? []), record]);
  }
  const gaps = [...nodes.values()].flatMap((own) => {
    const inOrder = own.toSorted((a, b) => Date.parse(a.startedAt) - Date.parse(b.startedAt));
    return inOrder.slice(1).map((next, at) => {
      const { startedAt, stages } = inOrder[at]!;
      const between = (Date.parse(next.startedAt) - Date.parse(startedAt)) / 1000;
      return between - stages.reduce((sum, stage) => sum + stage.seconds, 0);
    });
  });
  return gaps.length === 0 ? Number.NaN : median(gaps);
}
