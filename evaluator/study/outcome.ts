import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../../datasets/userError.ts';
import { clearUnfinished, runFolders } from '../grade/attempts.ts';
import { isOpen } from '../grade/issued.ts';
import { readRecord } from '../run/readRecord.ts';
import { OtherVersion, type RunRecord } from '../run/record.ts';
import { runStartSchema, startFile } from '../run/runFolder.ts';
import { unscoredFile } from '../run/unscored.ts';
import { type ScoredTrack, scoreOpenRun } from '../score/scoreOpenRun.ts';
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

/** What the folder of the runs on some terms has. */
export interface Found {
  /** The run that counts: the first that the entry had. */
  readonly record: RunRecord | null;
  /** Number of runs that were started there. */
  readonly attempts: number;
  /** A run that was given to a cluster and has not ended. */
  readonly open: { readonly folder: string; readonly number: number } | null;
}

/**
 * Reads the runs on some terms. Scores what was taken in from a cluster and not scored, and removes what a killed
 * evaluator left.
 * @param folder as from jobFolder; no run is in progress there on this machine
 * @throws OtherVersion if another version of haet wrote a record
 */
export async function readResult(
  folder: string,
  track: ScoredTrack,
  warn: (sentence: string) => void,
): Promise<Found> {
  await clearUnfinished(folder);
  const runs = await runFolders(folder);
  let open: Found['open'] = null;
  for (const run of runs) {
    if (isOpen(run)) {
      const start = runStartSchema.parse(JSON.parse(await readFile(join(run, startFile), 'utf8')));
      open ??= { folder: run, number: start.attempt };
      continue;
    }
    if (existsSync(join(run, unscoredFile))) {
      try {
        await scoreOpenRun(run, track);
      } catch (error) {
        if (!(error instanceof UserError) || error instanceof OtherVersion) throw error;
        warn(`${run}: could not be scored and does not count: ${error.message}`);
        continue;
      }
    }
    const record = await readRecord(run).catch((error) => {
      if (!(error instanceof UserError) || error instanceof OtherVersion) throw error;
      return null;
    });
    if (record?.owner === 'contestant') {
      return { record: { ...record, folder: run }, attempts: runs.length, open };
    }
    if (record === null) warn(`${run}: its run was killed or its record is damaged. It does not count.`);
  }
  return { record: null, attempts: runs.length, open };
}
