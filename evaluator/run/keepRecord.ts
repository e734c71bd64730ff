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
 * Tidies the folder of a run that is over: only regular files are left, also after a fault, and of the model what was
 * asked for.
 * @returns sentences for the record about what could not be tidied
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
    // Holes take no room here, but all their length wherever they are copied or hashed.
    const predictions = join(folders.predictions, predictionsFile);
    const { size } = await lstat(predictions).catch(() => ({ size: 0 }));
    if (size > limits.outBytes) await rm(predictions);
    if (!(plan.keepModel ?? true)) await pruneModel(folders.model);
    return [];
  } catch (error) {
    return [`the folder of the run could not be tidied: ${describeOwnFault(error)}`];
  }
}

/**
 * Writes the record of a run into its folder, or what awaits its score there where the labels are sealed.
 * @returns the record; where the disk refused it, one that says so
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
  const score = record.score ? `, ${record.score.correct} of ${record.score.total} right` : '';
  return {
    ...record,
    verdict: 'INFRA_FAULT',
    owner: verdicts.INFRA_FAULT.owner,
    advice: verdicts.INFRA_FAULT.advice,
    score: null,
    evidence: [
      `the record could not be written: ${message}`,
      `it would have said ${record.verdict}${score}`,
      ...record.evidence,
    ],
  };
}
