import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Signer } from '../attest/createSigner.ts';
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
  readonly sign?: Signer;
}

/**
 * Runs one archive with one seed, through the official path, with a report. A fault of the machine is repeated; every
 * run keeps its folder.
 * @param plan its runsFolder belongs to this job alone; what killed runs left there is removed
 * @param retries how often a run that ended in INFRA_FAULT is repeated
 * @returns the record of the last run
 */
export async function gradeJob(
  plan: RunPlan,
  sandbox: Sandbox,
  retries: number,
  hooks: JobHooks,
): Promise<RunRecord> {
  await removeUnfinished(plan.runsFolder);
  for (let repeats = 0; ; repeats++) {
    const record = await runEntry(plan, sandbox, { abort: hooks.abort });
    await ensurePages(record, plan.track.dir, hooks);
    if (record.verdict !== 'INFRA_FAULT' || hooks.abort.aborted) return record;
    hooks.warn(`INFRA_FAULT: ${record.evidence[0]}`);
    if (repeats === retries) return record;
  }
}

/**
 * Signs the record and writes the report of a run that has none: it was killed before that, or has just ended. Its
 * record is safe without.
 */
export async function ensurePages(
  record: RunRecord,
  trackDir: string,
  { sign, warn }: Pick<JobHooks, 'sign' | 'warn'>,
): Promise<void> {
  const { folder } = record;
  await sign?.(record).catch((error: Error) => {
    warn(`${folder}: the record could not be signed: ${error.message}`);
  });
  if (existsSync(join(folder, 'report.html'))) return;
  await writeReport(folder, { trackDir }).catch((error: Error) => {
    warn(`${folder}: the report could not be written: ${error.message}`);
  });
}
