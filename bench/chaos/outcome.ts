import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Standing } from '../../evaluator/grade/standing.ts';
import type { RunRecord } from '../../evaluator/run/record.ts';
import type { Stubs } from '../grading/stubs.ts';
import { attemptsIn } from './events.ts';

/** What became of the attempts of a grading. */
export interface Outcome {
  readonly jobs: number;
  /** Attempts that were issued. */
  readonly attempts: number;
  /** Times that a train stage ran, which can be more: what was not counted may have run too. */
  readonly ran: number;
  /** Attempts by verdict, and for void ones by the state that Slurm gave as the reason. */
  readonly ends: ReadonlyMap<string, number>;
  readonly superseded: number;
  /** What is not as it must be; empty if all is well. */
  readonly faults: readonly string[];
}

/**
 * Compares a grading that was disturbed with one that was not.
 * @param reference folder of the undisturbed grading
 * @param ledger emptied before the grading began
 */
export function outcomeOf(
  out: string,
  reference: string,
  standing: Standing | null,
  { ledger }: Pick<Stubs, 'ledger'>,
): Outcome {
  const faults: string[] = [];
  const ends = new Map<string, number>();
  const expected = new Map(jobsIn(reference).map((job) => [job, acceptedIn(join(reference, 'runs', job))]));
  let superseded = 0;
  for (const attempt of attemptsIn(out)) {
    const names = readdirSync(attempt);
    superseded += names.filter((name) => name.startsWith('superseded-') || name === 'result').length;
    if (!names.includes('issued.json')) faults.push(`${attempt} was not issued`);
    if (!names.includes('record.json')) faults.push(`${attempt} was not decided`);
    else {
      const end = endOf(readRecord(attempt));
      ends.set(end, (ends.get(end) ?? 0) + 1);
    }
  }
  for (const [job, [right]] of expected) {
    const accepted = acceptedIn(join(out, 'runs', job));
    if (accepted.length !== 1) faults.push(`${job} has ${accepted.length} accepted results`);
    for (const record of accepted) {
      faults.push(...whyNotIssued(record, out));
      const other = differenceIn(withoutTimes(record), withoutTimes(right!));
      if (other !== null) faults.push(`${record.folder}: ${other} differs from the undisturbed run`);
      if (predictionsIn(record) !== predictionsIn(right!)) faults.push(`${record.folder}: other predictions`);
    }
  }
  const unknown = jobsIn(out).filter((job) => !expected.has(job));
  for (const job of unknown) faults.push(`${job} was not asked for`);
  const board = JSON.parse(readFileSync(join(reference, 'public/leaderboard.json'), 'utf8')) as Standing;
  if (!isDeepStrictEqual(standing && rowsOf(standing), rowsOf(board))) faults.push('the leaderboard differs');
  for (const batch of readdirSync(join(out, 'slurm'))) {
    if (existsSync(join(out, 'slurm', batch, 'images-key'))) faults.push(`${batch} still holds a key`);
  }
  return {
    jobs: expected.size,
    attempts: attemptsIn(out).length,
    ran: readFileSync(ledger, 'utf8').trim().split('\n').length,
    ends,
    superseded,
    faults,
  };
}

const jobsIn = (out: string): string[] => readdirSync(join(out, 'runs'));

function readRecord(attempt: string): RunRecord {
  return { ...JSON.parse(readFileSync(join(attempt, 'record.json'), 'utf8')), folder: attempt };
}

function acceptedIn(job: string): RunRecord[] {
  if (!existsSync(job)) return [];
  return readdirSync(job)
    .map((attempt) => join(job, attempt))
    .filter((attempt) => existsSync(join(attempt, 'record.json')))
    .map(readRecord)
    .filter(({ score }) => score !== null);
}

function endOf({ verdict, evidence }: RunRecord): string {
  const said = evidence.join(' ');
  const state = /JobState=(\w+)/.exec(said)?.[1];
  if (verdict !== 'INFRA_FAULT') return verdict;
  return `void: ${state ?? (/not known/.test(said) ? 'forgotten by Slurm' : said.slice(0, 60))}`;
}

/** A record counts only if the batch that its attempt names has the task of this attempt. */
function whyNotIssued({ folder, attempt, seed, archiveSha256 }: RunRecord, out: string): string[] {
  const { batch, index } = JSON.parse(readFileSync(join(folder, 'issued.json'), 'utf8'));
  const path = join(out, 'slurm', String(batch), `task-${index}.json`);
  if (!existsSync(path)) return [`${folder}: no batch has its task`];
  const task = JSON.parse(readFileSync(path, 'utf8'));
  const same =
    task.attemptFolder === folder &&
    task.attempt === attempt &&
    task.seed === seed &&
    task.archiveSha256 === archiveSha256;
  return same ? [] : [`${folder}: ${batch}, task ${index}, is that of another attempt`];
}

const predictionsIn = ({ folder }: RunRecord): string =>
  readFileSync(join(folder, 'predictions/predictions.npy'), 'latin1');

/** Fields of a record that differ from run to run: times, what was measured, and where it ran. */
const measured = new Set([
  ...['runId', 'startedAt', 'folder', 'attempt', 'seconds', 'kill', 'limitHits', 'cpuSeconds', 'usage'],
  ...['peakMemoryBytes', 'contention', 'atSeconds', 'wallSeconds'],
]);

/** Returns a record without its times and its node. */
function withoutTimes(record: RunRecord): unknown {
  const evidence = record.evidence
    .filter((line) => !/ran on node/.test(line))
    .map((line) => line.replace(/after [\d.]+ s/, 'after some seconds'));
  return JSON.parse(
    JSON.stringify({ ...record, evidence }, (key, value) => (measured.has(key) ? undefined : value)),
  );
}

/** Returns the name of the first field in which two records differ; null if they do not. */
function differenceIn(a: unknown, b: unknown): string | null {
  const [left, right] = [a, b] as Record<string, unknown>[];
  const keys = new Set([...Object.keys(left!), ...Object.keys(right!)]);
  const other = [...keys].find((key) => !isDeepStrictEqual(left![key], right![key]));
  return other === undefined
    ? null
    : `${other} (${JSON.stringify(left![other])} for ${JSON.stringify(right![other])})`;
}

/** Rows of a leaderboard without times and without the attempts that do not count. */
const rowsOf = ({ rows }: Standing): unknown =>
  rows.map(({ trainSeconds: _, repeats: __, decisions: ___, runs, ...row }) => ({
    ...row,
    runs: runs.map(({ trainSeconds: ____, ...run }) => run),
  }));
