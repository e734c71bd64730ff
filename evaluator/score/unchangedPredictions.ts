import { join } from 'node:path';
import { UserError } from '../../datasets/userError.ts';
import { hashFile } from '../intake/hashFile.ts';
import type { RunTrack } from '../run/runTrack.ts';
import { predictionsOf } from '../run/unscored.ts';
import { readPredictions } from './readPredictions.ts';

/**
 * Reads the predictions of a finished run.
 * @param sha256 of the file at the end of the run
 * @returns scores, float [testSize, classes]
 * @throws UserError if the file is not what it was
 */
export async function readUnchanged(folder: string, sha256: string | null, info: RunTrack['info']) {
  const path = predictionsOf(folder);
  const got = await hashFile(path).catch((error: Error) => error.message);
  const predictions = await readPredictions(join(folder, 'predictions'), info.testSize, info.classes.length);
  if (predictions.state === 'valid' && got === sha256) return predictions.scores;
  throw new UserError(
    `${path} changed after the run: sha256 ${got}, expected ${sha256}. ` +
      'Restore the file, or run the entry again.',
  );
}
