import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { stopped, UserError } from '../../datasets/userError.ts';
import type { Attestor } from '../attest/attestor.ts';
import { contradictionIn } from '../attest/consistency/checks.ts';
import { isRunDisturbed } from '../machine/contention.ts';
import { type CanaryMark, readCanaryMark } from '../run/canaryMark.ts';
import { readRecord } from '../run/readRecord.ts';
import { OtherVersion, type RunRecord, recordFile } from '../run/record.ts';
import { runStartSchema, startFile } from '../run/runFolder.ts';
import { readUnscored, unscoredFile } from '../run/unscored.ts';
import { type VerdictCode, verdicts } from '../run/verdict.ts';
import { removePath } from '../sandbox/removeTree.ts';
import { isOpen } from './issued.ts';
import { agrees, type JobTerms } from './terms.ts';
import type { VoidReason } from './voidReasons.ts';

/** One run of a job, read from its folder. */
export interface Attempt {
  readonly number: number;
  readonly folder: string;
  /** Without resource use over time and details of the score. Null if its evaluator died or its record is damaged. */
  readonly record: RunRecord | null;
  /** Why it is not a result; null if it is. */
  readonly voidBecause: VoidReason | null;
  /** The canary that it follows; undefined if it was made without one, or has no record. */
  readonly canary?: CanaryMark;
}

/** Criteria for attempts; the score is not one of them. */
export interface Rules {
  /** Share of the CPUs that other work may use, see contention.ts. */
  readonly mostDisturbance: number;
  /** If given, only runs it signed count. */
  readonly attestor?: Pick<Attestor, 'fault'> | undefined;
}

export interface Attempts {
  /** In the order they were made. */
  readonly all: readonly Attempt[];
  /** The first that counts; a manual repeat must not replace a result. Null if none does. */
  readonly counted: (Attempt & { readonly record: RunRecord }) | null;
  /** Number of void attempts without those stopped by a person, compared with the limit of repeats. */
  readonly spent: number;
  /** Whether a finished attempt is not scored yet; the job is not run again before that. */
  readonly awaitsScore: boolean;
  /** A sentence about every record that is damaged, contradicts itself, or lacks its signature. */
  readonly doubts: readonly string[];
}

/**
 * Lists all attempts of a job on these terms, including runs without a record, whose evaluator was killed.
 * @param folder contains one folder per run; may not exist; no run is in progress
 */
export async function readAttempts(folder: string, terms: JobTerms, rules: Rules): Promise<Attempts> {
  const doubts: string[] = [];
  const all: Attempt[] = [];
  for (const run of await runFolders(folder)) {
    const attempt = await readAttempt(run, terms, rules, doubts);
    if (attempt !== null) all.push(attempt);
  }
  all.sort((a, b) => a.number - b.number); // stable: else by name, which starts with the time
  return attemptsOf(all, doubts);
}

/** Returns what follows from attempts, in their order. */
export function attemptsOf(all: readonly Attempt[], doubts: readonly string[]): Attempts {
  const counted = all.find((each) => each.voidBecause === null) ?? null;
  const awaitsScore = all.some(({ voidBecause }) => voidBecause === 'unscored');
  const spent = all.filter(({ voidBecause }) => voidBecause !== null && !isFree(voidBecause)).length;
  return { all, counted: counted as Attempts['counted'], spent, awaitsScore, doubts };
}

/** Whether such an attempt uses no retry. */
const isFree = (reason: VoidReason): boolean =>
  ['stopped', 'unscored', 'replaced', 'withdrawn', 'canary', 'running'].includes(reason);

/** Reads an attempt; null for a run on other terms, or one that was not started. */
async function readAttempt(
  run: string,
  terms: JobTerms,
  { mostDisturbance, attestor }: Rules,
  doubts: string[],
): Promise<Attempt | null> {
  if (![recordFile, unscoredFile].some((file) => existsSync(join(run, file)))) return readDead(run, terms);
  try {
    if (existsSync(join(run, unscoredFile))) return await readWaiting(run, terms);
    const canary = await readCanaryMark(run);
    const attempt = (record: RunRecord, voidBecause: VoidReason | null): Attempt => ({
      number: record.attempt,
      folder: run,
      record: lean({ ...record, folder: run }, terms),
      voidBecause,
      ...(canary !== null && { canary }),
    });
    const record = await readRecord(run);
    const contradiction = contradictionIn(record);
    if (contradiction !== null) {
      throw new UserError({ path: join(run, recordFile), reason: `${contradiction}.` });
    }
    if (!agrees(record, terms)) return null;
    const byRule = voidByRule(record, mostDisturbance);
    if (byRule !== null) return attempt(record, byRule);
    const unsigned = (await attestor?.fault(run)) ?? null;
    if (unsigned === null) return attempt(record, null);
    doubts.push(`${run}: ${unsigned}. It does not count.`);
    return attempt(record, 'unsigned');
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    // Its entry has had its run: to count it as damaged would run it again.
    if (error instanceof OtherVersion) throw error;
    doubts.push(`${stopped(error.message)} It does not count.`);
    return { number: 1, folder: run, record: null, voidBecause: 'damaged' };
  }
}

/**
 * Drops what only the report of a run shows, and shares what is the same in all runs: a grading keeps the records of
 * thousands of runs.
 */
function lean(record: RunRecord, terms: JobTerms): RunRecord {
  const { score, stages, intake } = record;
  return {
    ...record,
    score: score && { ...score, details: null },
    stages: stages.map((stage) => ({ ...stage, usage: [] })),
    ...(record.track !== null && isDeepStrictEqual(record.track, terms.track) && { track: terms.track }),
    ...(isDeepStrictEqual(intake, terms.intake) && { intake: terms.intake }),
  };
}

/** Returns why a run is not a result of the entry, by its record only; null if it is. */
export function voidByRule(record: RunRecord, mostDisturbance: number): VoidReason | null {
  if (record.verdict === 'ABORTED') return 'stopped';
  if (!isTheEntrysDoing(record.verdict)) return 'fault';
  return isRunDisturbed(record, mostDisturbance) ? 'disturbed' : null;
}

function isTheEntrysDoing(verdict: VerdictCode): boolean {
  return verdicts[verdict].owner === 'contestant';
}

async function readWaiting(run: string, terms: JobTerms): Promise<Attempt | null> {
  const { record } = await readUnscored(run);
  if (!agrees(record, terms)) return null;
  return { number: record.attempt, folder: run, record: null, voidBecause: 'unscored' };
}

async function readDead(run: string, terms: JobTerms): Promise<Attempt | null> {
  const text = await readFile(join(run, startFile), 'utf8').catch(() => null);
  if (text === null) return null;
  const start = parsed(text);
  if (start !== null && !agrees(start, terms)) return null;
  const voidBecause = isOpen(run) ? 'running' : 'died';
  return { number: start?.attempt ?? 1, folder: run, record: null, voidBecause };
}

function parsed(text: string) {
  try {
    return runStartSchema.parse(JSON.parse(text));
  } catch {
    return null; // it is listed even if it is unreadable
  }
}

/** Removes leftovers of runs whose evaluator was killed, but keeps start.json and the logs. */
export async function clearUnfinished(folder: string): Promise<void> {
  const remove = (path: string) => removePath(path).catch(() => {});
  for (const run of await runFolders(folder)) {
    if ([recordFile, unscoredFile].some((file) => existsSync(join(run, file)))) continue;
    if (isOpen(run)) continue;
    if (!existsSync(join(run, startFile))) await remove(run);
    else for (const name of await readdir(run)) if (!isKept(name)) await remove(join(run, name));
  }
}

const isKept = (name: string) => name === startFile || name.endsWith('.log') || name === 'progress.jsonl';

/** Lists the folders of a job's runs, sorted by name, which starts with the time. */
export async function runFolders(folder: string): Promise<string[]> {
  const found = await readdir(folder, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  return found
    .filter((each) => each.isDirectory())
    .map((each) => join(folder, each.name))
    .sort();
}
