import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Attestor } from '../attest/attestor.ts';
import { reportFile, writeReport } from '../report/report.ts';
import { tryPage } from '../report/tryPage.ts';
import { type RunRecord, recordFile } from '../run/record.ts';
import type { RunPlan } from '../run/runEntry.ts';
import { unscoredFile } from '../run/unscored.ts';
import { type ScoredTrack, scoreOpenRun } from '../score/scoreOpenRun.ts';
import { type Attempts, readAttempts, runFolders, voidByRule } from './attempts.ts';
import type { Executor } from './executor.ts';
import type { InTurn } from './inTurn.ts';
import { issuedFile } from './issued.ts';
import { agrees, type JobTerms } from './terms.ts';
import { voidReasons } from './voidReasons.ts';

export interface JobHooks {
  /** Stops the current run; no other is started. */
  readonly abort: AbortSignal;
  /** Prints a message for the organizer. */
  readonly warn: (sentence: string) => void;
  /** Scores and signs runs on a sealed Track, in another process. */
  readonly attestor?: Attestor;
  /** Waits until the machine is quiet; returns remarks for the evidence. */
  readonly ready?: () => Promise<string[]>;
}

/** Options of a job. */
export interface JobRules {
  readonly terms: JobTerms;
  readonly mostDisturbance: number;
  /** Maximum void attempts before a person decides. */
  readonly allowed: number;
  /** Returns the attempts that count and are counted, of all that are on disk; default: all. */
  readonly current?: (attempts: Attempts) => Attempts;
}

/**
 * Runs one archive with one seed as an official run, signed and with a report, until an attempt counts or the allowed
 * attempts are used. Every attempt keeps its folder and is counted by it; the score has no influence.
 * @param plan its runsFolder is used by this job only
 * @param inTurn shared by all jobs: runs may end all at once, and are scored and reported one by one
 * @returns the record of the last run, null if none was made; and the attempts now on disk. A record of other bytes
 *   than requested, or an unsigned record that should be signed, ends the job for this call.
 */
export async function gradeJob(
  plan: RunPlan,
  executor: Executor,
  { terms, mostDisturbance, allowed, current = (attempts) => attempts }: JobRules,
  hooks: JobHooks,
  inTurn: InTurn,
): Promise<{ record: RunRecord | null; attempts: Attempts }> {
  const read = () => readAttempts(plan.runsFolder, terms, { mostDisturbance, attestor: hooks.attestor });
  let attempts = await read();
  let record: RunRecord | null = null;
  // Counts attempts that a full disk could not record.
  for (let made = 0; current(attempts).spent < allowed && made < allowed && !hooks.abort.aborted; made++) {
    const remarks = (await hooks.ready?.()) ?? [];
    if (hooks.abort.aborted) break;
    const open = attempts.all.find(({ voidBecause }) => voidBecause === 'running');
    const attempt = open?.number ?? Math.max(0, ...attempts.all.map((each) => each.number)) + 1;
    const ended = await executor.run(
      {
        plan: { ...plan, attempt, mostDisturbance, remarks },
        archiveSha256: terms.archiveSha256,
        open: open?.folder ?? null,
      },
      hooks.abort,
    );
    if (ended === null) break;
    const { attested, ...finished } = await inTurn(async () => {
      const signed = await finish(ended, plan.track, hooks);
      await ensureReport(signed.record, plan.track.dir, hooks.warn);
      return signed;
    });
    record = finished.record;
    attempts = await read();
    if (isVoidedByCanary(current(attempts), record)) {
      hooks.warn(`${record.folder}: ${voidReasons.canary}`);
      made -= 1; // as often as machines are found out of their band
      continue;
    }
    if (current(attempts).counted !== null || !attested || !agrees(record, terms)) break;
    const why = voidByRule(record, mostDisturbance);
    // A stop by a person is not reported again.
    if (why !== null && why !== 'stopped')
      hooks.warn(`${voidReasons[why]}: ${record.verdict}: ${record.evidence[0]}`);
  }
  return { record, attempts };
}

/** Whether a run does not count because of its machine, and is to be made again on another. */
export function isVoidedByCanary({ all }: Attempts, { folder }: Pick<RunRecord, 'folder'>): boolean {
  return all.some((each) => each.voidBecause === 'canary' && each.record?.folder === folder);
}

/**
 * Scores and signs the run that just ended, whatever its verdict, because every run must be in the chain. No process
 * of the entry is alive.
 */
async function finish(
  record: RunRecord,
  track: ScoredTrack,
  { attestor, warn }: JobHooks,
): Promise<{ record: RunRecord; attested: boolean }> {
  const awaits = existsSync(join(record.folder, unscoredFile));
  // An attempt that was voided, because its node left no result, has no run to sign.
  const isVoid = !awaits && existsSync(join(record.folder, issuedFile));
  if (isVoid || (attestor === undefined && !awaits)) return { record, attested: true };
  try {
    const finished = await (attestor?.finish(record.folder) ?? scoreOpenRun(record.folder, track));
    return { record: finished, attested: true };
  } catch (error) {
    warn(`${record.folder}: could not be scored and signed, and does not count: ${(error as Error).message}`);
    return { record, attested: false };
  }
}

/** Scores and signs the runs in a job's folder whose evaluator was killed, or that could not be scored before. */
export async function finishEarlier(
  folder: string,
  track: ScoredTrack,
  { attestor, warn }: JobHooks,
): Promise<void> {
  if (attestor === undefined && 'sealed' in track.info) return;
  const finishRun = (run: string) => attestor?.finish(run) ?? scoreOpenRun(run, track);
  for (const run of await runFolders(folder)) {
    if (!existsSync(join(run, unscoredFile))) continue;
    await finishRun(run).catch((error: Error) => {
      warn(`${run}: could not be scored and signed, and does not count yet: ${error.message}`);
    });
  }
}

/** Writes the report of a run that has a record but no report: it just ended, or its evaluator was killed. */
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
