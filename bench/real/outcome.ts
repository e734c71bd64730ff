import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Standing } from '../../evaluator/grade/standing.ts';
import type { RunRecord } from '../../evaluator/run/record.ts';
import { attemptsIn } from '../chaos/events.ts';
import type { Disturbance } from './disturb.ts';
import type { RealEntry } from './entries.ts';

/** One entry: how it ended on this machine and on the cluster. */
export interface RealRow {
  readonly name: string;
  readonly expected: readonly string[];
  readonly local: string;
  /** Of all results that count; more or fewer than one is wrong. */
  readonly slurm: readonly string[];
  /** In order, each with its node and, if it is void, why. */
  readonly attempts: readonly string[];
}

/** What came out, and what is not as it must be. */
export interface RealOutcome {
  readonly rows: readonly RealRow[];
  readonly faults: readonly string[];
}

/** A grading of the same entries on this machine, and on the cluster. */
export interface Pair {
  readonly entries: readonly RealEntry[];
  readonly local: Standing;
  readonly slurm: Standing;
  /** Folder of the grading on the cluster. */
  readonly out: string;
}

/** Compares a grading on the cluster with that on this machine and with what is expected. */
export function outcomeOf({ entries, local, slurm, out }: Pair, disturbance: Disturbance): RealOutcome {
  const faults: string[] = [];
  const records = attemptsIn(out).map((attempt): RunRecord | null => {
    if (!existsSync(join(attempt, 'issued.json'))) faults.push(`${attempt} was not issued`);
    const path = join(attempt, 'record.json');
    if (existsSync(path)) return JSON.parse(readFileSync(path, 'utf8'));
    faults.push(`${attempt} was not decided`);
    return null;
  });
  const rows = entries.map(({ name, sha256, expected }): RealRow => {
    const own = records
      .filter((record) => record !== null && record.archiveSha256 === sha256)
      .map((record) => record!)
      .sort((a, b) => a.attempt - b.attempt);
    const accepted = own.filter(({ owner }) => owner === 'contestant');
    const shown = verdictIn(slurm, sha256);
    if (accepted.length !== 1) faults.push(`${name} has ${accepted.length} accepted results`);
    if (accepted.length === 1 && shown !== accepted[0]!.verdict) {
      faults.push(`${name}: the leaderboard shows ${shown}, the result is ${accepted[0]!.verdict}`);
    }
    faults.push(...own.flatMap((record) => misplaced(name, record, disturbance)));
    return {
      ...{ name, expected, local: verdictIn(local, sha256) },
      slurm: accepted.map(({ verdict }) => verdict),
      attempts: own.map(
        (record) => `${nodeOf(record)}${record.owner === 'contestant' ? '' : ` (${whyVoid(record)})`}`,
      ),
    };
  });
  for (const { name, expected, local: here, slurm: there } of rows) {
    if (!expected.includes(here)) faults.push(`${name} ended in ${here} on this machine`);
    if (there.some((verdict) => verdict !== here)) {
      faults.push(`${name} ended in ${there.join(', ')} on the cluster, and in ${here} on this machine`);
    }
  }
  const known = new Set(entries.map(({ sha256 }) => sha256));
  const unknown = records.filter((record) => record !== null && !known.has(record.archiveSha256 ?? ''));
  for (const record of unknown) faults.push(`${record!.folder} was not asked for`);
  return { rows, faults };
}

/** Checks that what a disturbed node ran ended as it must, and that it ran nothing later. */
function misplaced(name: string, record: RunRecord, { lost, drained }: Disturbance): string[] {
  const node = nodeOf(record);
  const startedAt = Date.parse(record.startedAt);
  const counts = record.owner === 'contestant';
  if (counts && node === lost.node && startedAt > lost.at) return [`${name} ran on the killed node ${node}`];
  if (counts && node === drained.node && startedAt > drained.at) {
    return [`${name} began on the drained node ${node}`];
  }
  if (record.attempt > 1) return [];
  if (record.archiveSha256 === lost.sha256 && (counts || whyVoid(record) !== 'NODE_FAIL')) {
    return [`${name} was running on the killed node ${lost.node}, but its attempt is not void by NODE_FAIL`];
  }
  if (record.archiveSha256 === drained.sha256 && !(counts && node === drained.node)) {
    return [`${name} was running on the drained node ${drained.node}, but did not end there`];
  }
  return [];
}

function verdictIn({ rows }: Standing, sha256: string): string {
  return rows.find((row) => row.sha256 === sha256)?.verdict ?? 'none';
}

const nodeOf = ({ evidence }: RunRecord): string =>
  /(?:ran on node|Slurm says: job \S+ on) (\w+)/.exec(evidence.join(' '))?.[1] ?? 'no node';

const whyVoid = ({ verdict, evidence }: RunRecord): string =>
  /JobState=(\w+)/.exec(evidence.join(' '))?.[1] ?? `${verdict}: ${evidence[0]}`;
