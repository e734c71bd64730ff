import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Attestor } from '../attest/createAttestor.ts';
import type { RunRecord } from '../record.ts';
import { writeReport } from '../report/report.ts';
import { type RunPlan, runEntry } from '../runEntry.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';
import { removeUnfinished } from './findRecord.ts';

export interface JobHooks {
  /** Ends the run under way; none is started after it. */
  readonly abort: AbortSignal;
  /** Takes a sentence for the organizer. */
  readonly warn: (sentence: string) => void;
  /** Makes official records, where the organizer gave the key. */
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
    const record = await runEntry(plan, sandbox, { abort: hooks.abort });
    const attested = await attest(record, hooks);
    await ensureReport(record, plan.track.dir, hooks.warn);
    if (record.verdict !== 'INFRA_FAULT' || hooks.abort.aborted) return { record, attested };
    hooks.warn(`INFRA_FAULT: ${record.evidence[0]}`);
    if (repeats === retries) return { record, attested };
  }
}

/** Signs the record of a run that has just ended, whatever its verdict: a run that is left out of the chain shows. */
async function attest(record: RunRecord, { attestor, warn }: JobHooks): Promise<boolean> {
  if (attestor === undefined) return true;
  try {
    await attestor.sign(record);
    return true;
  } catch (error) {
    warn(`${record.folder}: the record could not be signed, and does not count: ${(error as Error).message}`);
    return false;
  }
}

/** Writes the report of a run that has none: it was killed before that, or has just ended. Its record is safe without. */
export async function ensureReport(
  { folder }: RunRecord,
  trackDir: string,
  warn: JobHooks['warn'],
): Promise<void> {
  if (existsSync(join(folder, 'report.html'))) return;
  await writeReport(folder, { trackDir }).catch((error: Error) => {
    warn(`${folder}: the report could not be written: ${error.message}`);
  });
}
