import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { replaceFile } from '../../../datasets/atomicWrite.ts';
import { UserError } from '../../../datasets/userError.ts';
import { readRecord } from '../../run/readRecord.ts';
import { type RunRecord, recordFile } from '../../run/record.ts';
import { type RunStart, runStartSchema, startFile, writeStart } from '../../run/runFolder.ts';
import { readUnscored, unscoredFile } from '../../run/unscored.ts';
import { runFolders } from '../attempts.ts';
import { runsFolder } from '../gradedFolders.ts';
import { createAttemptFolder } from '../issued.ts';
import { agrees, type JobTerms } from '../terms.ts';
import type { Judgement } from './canaryLog.ts';

const prefix = 'canary-';
/** Number of runs that began after a canary, in its folder. */
const runsSinceFile = 'runs-since';

/** Folder of the canaries of a machine, among those of the jobs. */
export const canaryFolder = (outFolder: string, node: string): string =>
  join(runsFolder(outFolder), `${prefix}${node.replace(/[^\w.-]/g, '_')}`);

/** Whether a folder of runs is that of canaries, not of a job. */
export const isCanaryFolder = (folder: string): boolean => basename(folder).startsWith(prefix);

/** Lists the machines with canaries. */
export async function machinesWithCanaries(outFolder: string): Promise<string[]> {
  const names = await readdir(runsFolder(outFolder)).catch((): string[] => []);
  return names.filter(isCanaryFolder).map((name) => name.slice(prefix.length));
}

/** A run of the canary on a machine. */
export interface CanaryRun {
  /** 1 for the first on its machine; 0 if what says it is damaged. */
  readonly number: number;
  readonly folder: string;
  /** What is known of its terms; null if that is damaged. */
  readonly terms: RunStart | null;
  /** Its record, which may lack its score; null if it has not ended, or its evaluator died. */
  readonly record: RunRecord | null;
  readonly awaitsScore: boolean;
}

/** Reads a run of the canary. */
export async function readCanaryRun(run: string): Promise<CanaryRun> {
  const damaged = { number: 0, folder: run, terms: null, record: null, awaitsScore: false };
  const awaitsScore = existsSync(join(run, unscoredFile));
  try {
    if (awaitsScore || existsSync(join(run, recordFile))) {
      const record = awaitsScore ? (await readUnscored(run)).record : await readRecord(run);
      return { number: record.attempt, folder: run, terms: record, record, awaitsScore };
    }
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return damaged;
  }
  const text = await readFile(join(run, startFile), 'utf8').catch(() => '');
  const start = runStartSchema.safeParse(parsed(text));
  return start.success ? { ...damaged, number: start.data.attempt, terms: start.data } : damaged;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** The last canary of a machine. */
export interface LastCanary {
  readonly number: number;
  readonly folder: string;
  /** Whether a run of it has ended; else its evaluator died. */
  readonly hasEnded: boolean;
  /** Whether it was run on the terms of this grading. */
  readonly isOnTerms: boolean;
  /** Null until it is judged. */
  readonly found: Judgement['found'] | null;
  /** Number of runs that began since. */
  readonly since: number;
}

/**
 * Reads the last canary of a machine on which none is running; null if it has had none.
 * @param hasLeftResult whether a run ended whose result was not taken in yet
 */
export async function readLastCanary(
  outFolder: string,
  node: string,
  terms: JobTerms,
  judgements: readonly Judgement[],
  hasLeftResult: (folder: string) => Promise<boolean> = async () => false,
): Promise<LastCanary | null> {
  const runs = await Promise.all((await runFolders(canaryFolder(outFolder, node))).map(readCanaryRun));
  const last = runs.sort((a, b) => a.number - b.number).at(-1);
  if (last === undefined) return null;
  const { number, folder } = last;
  const judgement = judgements.find((each) => each.node === node && each.number === number);
  return {
    number,
    folder,
    hasEnded: last.record !== null || (await hasLeftResult(folder)),
    isOnTerms: last.terms !== null && agrees(last.terms, terms),
    found: judgement?.found ?? null,
    since: await runsSince(folder),
  };
}

/** Whether the canary must run before the next run on a machine. */
export function isDue(last: LastCanary | null, every: number): boolean {
  if (last === null || !last.hasEnded || !last.isOnTerms) return true;
  return last.found === 'bad' || last.found === 'unusable' || last.since >= every;
}

async function runsSince(folder: string): Promise<number> {
  return Number(await readFile(join(folder, runsSinceFile), 'utf8').catch(() => '0')) || 0;
}

/** Counts a run that begins after a canary. No other is counted meanwhile. */
export async function countRun(folder: string): Promise<void> {
  await replaceFile(join(folder, runsSinceFile), `${(await runsSince(folder)) + 1}\n`);
}

/**
 * Creates the folder of the next canary of a machine, exclusively. Its name has another number than the canary if a kill
 * left a folder without a start.
 * @returns its absolute path
 */
export async function issueCanary(outFolder: string, node: string, start: RunStart): Promise<string> {
  const folder = await createAttemptFolder(canaryFolder(outFolder, node), start.attempt);
  await writeStart(folder, start);
  return folder;
}
