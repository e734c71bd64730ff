import { lstat, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describeOwnFault } from '../../datasets/describeFault.ts';
import { predictionsFile } from '../contract.ts';
import { keepPredictions, keepRegularFiles } from '../stage/keepRegularFiles.ts';
import type { RunFolders } from '../stage/stagePlaces.ts';
import { pruneModel } from './pruneModel.ts';
import type { RunRecord } from './record.ts';
import { releaseReserve, removeAside, removeWork, writeRecord } from './runFolder.ts';
import type { SettledRun } from './settleRun.ts';
import { writeUnscored } from './unscored.ts';
import { verdicts } from './verdict.ts';

/**
 * Cleans up the folder of a finished run, also after a fault: keeps only regular files, and the model only if
 * requested.
 * @returns sentences for the record about failures
 */
export async function tidyRun(
  { plan, limits }: SettledRun,
  folders: RunFolders | null,
  isFault: boolean,
): Promise<string[]> {
  if (folders === null) return [];
  try {
    if (isFault) {
      await keepRegularFiles(folders.model);
      await keepPredictions(folders.predictions);
    }
    // Sparse files take no space here but their full length when copied or hashed.
    const predictions = join(folders.predictions, predictionsFile);
    const { size } = await lstat(predictions).catch(() => ({ size: 0 }));
    if (size > limits.outBytes) await rm(predictions);
    if (!(plan.keepModel ?? true)) await pruneModel(folders.model);
    return [];
  } catch (error) {
    return [`could not clean up the run's folder: ${describeOwnFault(error)}`];
  }
}

/**
 * Writes the record of a run into its folder, as unscored.json if the labels are sealed.
 * @returns the record; if writing failed, a record that says so
 */
export async function keepRecord(
  { plan, withheld }: SettledRun,
  folders: RunFolders | null,
  record: RunRecord,
): Promise<RunRecord> {
  if (folders === null) return record;
  try {
    await releaseReserve(folders);
    if (withheld.labels === null) await writeUnscored(record, plan.evaluatorImage ?? null);
    else await writeRecord(folders.run, record);
    await removeWork(folders);
    await removeAside(folders);
    return record;
  } catch (error) {
    return unwritten(record, error as Error);
  }
}

function unwritten(record: RunRecord, { message }: Error): RunRecord {
  const score = record.score ? `, ${record.score.correct} of ${record.score.total} correct` : '';
  return {
    ...record,
    verdict: 'INFRA_FAULT',
    owner: verdicts.INFRA_FAULT.owner,
    advice: verdicts.INFRA_FAULT.advice,
    score: null,
    evidence: [
      `the record could not be written: ${message}`,
      `the verdict would have been ${record.verdict}${score}`,
      ...record.evidence,
    ],
  };
}
