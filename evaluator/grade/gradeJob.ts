import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Attestor } from '../attest/attestor.ts';
import { reportFile, writeReport } from '../report/report.ts';
import { tryPage } from '../report/tryPage.ts';
import { type RunRecord, recordFile } from '../run/record.ts';
import { type RunPlan, runEntry } from '../run/runEntry.ts';
import { unscoredFile } from '../run/unscored.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';
import { type Attempts, readAttempts, runFolders, voidByRule } from './attempts.ts';
import { agrees, type JobTerms } from './terms.ts';
import { voidReasons } from './voidReasons.ts';

export interface JobHooks {
  /** Ends the run under way; none is started after it. */
  readonly abort: AbortSignal;
  /** Takes a sentence for the organizer. */
  readonly warn: (sentence: string) => void;
  /** Scores and signs runs on a sealed Track, in another process. */
  readonly attestor?: Attestor;
  /** Waits until the machine is fit for a timed run; returns what is wrong with it, for the evidence. */
  readonly ready?: () => Promise<string[]>;
}

/** What a job is run by. */
export interface JobRules {
  readonly terms: JobTerms;
  readonly mostDisturbance: number;
  /** How many attempts may be void before a person decides. */
  readonly allowed: number;
}

/**
 * Runs one archive with one seed, through the official path, signed and with a report, until an attempt counts or as
 * many as are allowed are void. Every attempt keeps its folder, and is counted by it. Whether one counts does not depend
 * on its score.
 * @param plan its runsFolder belongs to this job alone
 * @returns the record of the last run, null where none was made; and what is on disk now. A record of other bytes than
 *   were asked for, or one that should be signed and is not, ends the job for this call.
 */
export async function gradeJob(
  plan: RunPlan,
  sandbox: Sandbox,
  { terms, mostDisturbance, allowed }: JobRules,
  hooks: JobHooks,
): Promise<{ record: RunRecord | null; attempts: Attempts }> {
  const read = () => readAttempts(plan.runsFolder, terms, { mostDisturbance, attestor: hooks.attestor });
  let attempts = await read();
  let record: RunRecord | null = null;
  // What a full disk did not let be counted there is counted here.
  for (let made = 0; attempts.spent < allowed && made < allowed && !hooks.abort.aborted; made++) {
    const remarks = (await hooks.ready?.()) ?? [];
    if (hooks.abort.aborted) break;
    const attempt = Math.max(0, ...attempts.all.map((each) => each.number)) + 1;
    const ended = await runEntry({ ...plan, attempt, mostDisturbance, remarks }, sandbox, {
      abort: hooks.abort,
    });
    const { attested, ...finished } = await finish(ended, hooks);
    record = finished.record;
    await ensureReport(record, plan.track.dir, hooks.warn);
    attempts = await read();
    if (attempts.counted !== null || !attested || !agrees(record, terms)) break;
    const why = voidByRule(record, mostDisturbance);
    // That a person stopped it, the person knows.
    if (why !== null && why !== 'stopped')
      hooks.warn(`${voidReasons[why]}: ${record.verdict}: ${record.evidence[0]}`);
  }
  return { record, attempts };
}

/**
 * Has a run that has just ended scored and signed, whatever its verdict: a run that is left out of the chain shows. No
 * process of the entry lives.
 */
async function finish(
  record: RunRecord,
  { attestor, warn }: JobHooks,
): Promise<{ record: RunRecord; attested: boolean }> {
  if (attestor === undefined) return { record, attested: true };
  try {
    return { record: await attestor.finish(record.folder), attested: true };
  } catch (error) {
    warn(`${record.folder}: could not be scored and signed, and does not count: ${(error as Error).message}`);
    return { record, attested: false };
  }
}

/** As {@link finish}, of the runs in a job's folder whose evaluator was killed, or that could not be scored then. */
export async function finishEarlier(folder: string, { attestor, warn }: JobHooks): Promise<void> {
  if (attestor === undefined) return;
  for (const run of await runFolders(folder)) {
    if (!existsSync(join(run, unscoredFile))) continue;
    await attestor.finish(run).catch((error: Error) => {
      warn(`${run}: could not be scored and signed, and does not count yet: ${error.message}`);
    });
  }
}

/** Writes the report of a run with a record that has none: it was killed before that, or has just ended. */
export async function ensureReport(
  { folder }: RunRecord,
  trackDir: string,
  warn: JobHooks['warn'],
): Promise<void> {
  if (!existsSync(join(folder, recordFile)) || existsSync(join(folder, reportFile))) return;
  await tryPage(
    () => writeReport(folder, { trackDir }),
    (sentence) => warn(`${folder}: ${sentence}`),
  );
}
