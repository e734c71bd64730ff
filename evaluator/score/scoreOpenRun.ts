import { isDeepStrictEqual } from 'node:util';
import { readLabels } from '../../datasets/readTrack.ts';
import { UserError } from '../../datasets/userError.ts';
import type { RunRecord } from '../run/record.ts';
import { writeRecord } from '../run/runFolder.ts';
import type { RunTrack } from '../run/runTrack.ts';
import { awaitsScore, readUnscored, removeUnscored } from '../run/unscored.ts';
import { score } from './score.ts';
import { readUnchanged } from './unchangedPredictions.ts';

export type ScoredTrack = Pick<RunTrack, 'dir' | 'info'>;

/**
 * Scores a finished run on an open Track that was made where the labels are not, and writes its record.json. If it is
 * killed, the next call completes it.
 * @throws UserError if it is not such a run, or its predictions changed
 */
export async function scoreOpenRun(folder: string, { dir, info }: ScoredTrack): Promise<RunRecord> {
  const { record: unscored, predictionsSha256 } = await readUnscored(folder);
  if ('sealed' in info || !isDeepStrictEqual(unscored.track, info)) {
    throw new UserError(`${dir} is not the open Track of the run in ${folder}. Give the Track of the run.`);
  }
  const found = awaitsScore(unscored)
    ? score(
        await readUnchanged(folder, predictionsSha256, info),
        await readLabels(dir, 'test', info),
        info.classes,
      )
    : null;
  const record = { ...unscored, folder, score: found };
  await writeRecord(folder, record);
  await removeUnscored(folder);
  return record;
}
