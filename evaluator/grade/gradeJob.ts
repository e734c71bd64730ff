import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Attestor } from '../attest/createAttestor.ts';
import type { RunRecord } from '../record.ts';
import { writeReport } from '../report/report.ts';
import { type RunPlan, runEntry } from '../runEntry.ts';
import { recordFile } from '../runFolder.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';
import { unscoredFile } from '../unscored.ts';
import { removeUnfinished, runFolders } from './findRecord.ts';

export interface JobHooks {
  /** Ends the run under way; none is started after it. */
  readonly abort: AbortSignal;
  /** Takes a sentence for the organizer. */
  readonly warn: (sentence: string) => void;
  /** Scores and signs runs on a sealed Track, in another process. */
  readonly attestor?: Attestor;
}

/**
 * Runs one archive with one seed, through the official path, signed and with a report. A fault of the machine is
 * repeated; every run keeps its folder.
 * @param plan its runsFolder belongs to this job alone; what killed runs left there is removed
 * @param retries how often a run that ended in INFRA_FAULT is repeated
 * @returns the record of the last run, and whether it is signed where it has to be: else it does not count
 */
export async function gradeJob(
  plan: RunPlan,
  sandbox: Sandbox,
  retries: number,
  hooks: JobHooks,
): Promise<{ record: RunRecord; attested: boolean }> {
  await removeUnfinished(plan.runsFolder);
  for (let repeats = 0; ; repeats++) {
    const { record, attested } = await finish(await runEntry(plan, sandbox, { abort: hooks.abort }), hooks);
    await ensureReport(record, plan.track.dir, hooks.warn);
    if (record.verdict !== 'INFRA_FAULT' || hooks.abort.aborted) return { record, attested };
    hooks.warn(`INFRA_FAULT: ${record.evidence[0]}`);
    if (repeats === retries) return { record, attested };
  }
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
  if (!existsSync(join(folder, recordFile)) || existsSync(join(folder, 'report.html'))) return;
  await writeReport(folder, { trackDir }).catch((error: Error) => {
    warn(`${folder}: the report could not be written: ${error.message}`);
  });
}
