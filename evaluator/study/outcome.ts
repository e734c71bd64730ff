import { UserError } from '../../datasets/userError.ts';
import { clearUnfinished, runFolders } from '../grade/attempts.ts';
import { readRecord } from '../run/readRecord.ts';
import { OtherVersion, type RunRecord } from '../run/record.ts';
import type { Cell } from './design.ts';
import type { Arm, StudySpec } from './spec.ts';

/** What is known of one run of a study. */
export interface Outcome {
  readonly arm: Arm['name'];
  readonly cell: Cell;
  /** Of the run that counts, or else of the last that the machine failed. */
  readonly record: RunRecord;
  /** Fraction of 1; null if the run has none, which is never counted as 0. */
  readonly accuracy: number | null;
  /** Whether the entry had its run, well or badly; if not, the run has to be repeated. */
  readonly isResult: boolean;
}

/** Returns what a record says about a run of a study. */
export function outcomeOf(
  arm: Arm['name'],
  cell: Cell,
  record: RunRecord,
  budget: StudySpec['budget']['kind'],
): Outcome {
  return { arm, cell, record, accuracy: accuracyOf(record, budget), isResult: record.owner === 'contestant' };
}

/**
 * Returns the accuracy of a run; null if it has none. A model saved before training was stopped is scored in the
 * contest, where time is the budget. With another budget it had less than the others, so it is not compared with them.
 */
function accuracyOf({ verdict, score }: RunRecord, budget: StudySpec['budget']['kind']): number | null {
  const counts = verdict === 'SCORED' || (verdict === 'SCORED_SALVAGED' && budget === 'seconds');
  return counts && score !== null ? score.accuracy : null;
}

/**
 * Reads the run on some terms that counts: the first that the entry had. Removes what a killed evaluator left.
 * @param folder as from jobFolder; no run is in progress there
 * @returns also the number of runs that were started there
 * @throws OtherVersion if another version of haet wrote a record
 */
export async function readResult(
  folder: string,
  warn: (sentence: string) => void,
): Promise<{ record: RunRecord | null; attempts: number }> {
  await clearUnfinished(folder);
  const runs = await runFolders(folder);
  for (const run of runs) {
    const record = await readRecord(run).catch((error) => {
      if (!(error instanceof UserError) || error instanceof OtherVersion) throw error;
      return null;
    });
    if (record?.owner === 'contestant') return { record: { ...record, folder: run }, attempts: runs.length };
    if (record === null) warn(`${run}: its run was killed or its record is damaged. It does not count.`);
  }
  return { record: null, attempts: runs.length };
}
