import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { parseNpy, readNpy } from '../../datasets/npy.ts';
import { UserError } from '../../datasets/userError.ts';
import { predictionsFile } from '../contract.ts';
import type { Scores } from './score.ts';

/** Content of predictions.npy: floats [rows, classes], row-major, all finite; or the reason why it is invalid. */
export type ParsedPredictions =
  | { readonly state: 'invalid'; readonly reason: string }
  | { readonly state: 'valid'; readonly scores: Scores };
export type Predictions =
  | {
      readonly state: 'none';
      /** What was found instead, as the end of a sentence. */
      readonly found?: string | null;
    }
  | {
      /** The stage failed, so its output is not used. */
      readonly state: 'unread';
      /** Whether there is a predictions.npy; null if nobody looked. */
      readonly isThere: boolean | null;
    }
  | ParsedPredictions;

/**
 * Reads predictions.npy: float16, float32 or float64 [rows, classes], all finite, as the contract allows. The file is untrusted: links are not
 * followed, pipes do not block, and the size is checked before reading.
 * @throws Error if the disk fails, never because of the file's content
 */
export async function readPredictions(folder: string, rows: number, classes: number): Promise<Predictions> {
  const path = join(folder, predictionsFile);
  if (!(await exists(path))) return { state: 'none' };
  return judged(predictionsFile, classes, () =>
    readNpy(path, { dtype: 'float', shape: [rows, classes], refuseLinks: true }),
  );
}

/** Parses predictions from bytes with the checks of {@link readPredictions}; `name` replaces the path in the reason. */
export function parsePredictions(
  name: string,
  bytes: Uint8Array,
  rows: number,
  classes: number,
): Promise<ParsedPredictions> {
  return judged(name, classes, async () => parseNpy(name, bytes, { dtype: 'float', shape: [rows, classes] }));
}

/** @param name what the reason calls the file: its path on this machine is no evidence */
async function judged(
  name: string,
  classes: number,
  read: () => Promise<{ readonly data: Scores }>,
): Promise<ParsedPredictions> {
  try {
    const { data } = await read();
    const bad = data.findIndex((value) => !Number.isFinite(value));
    if (bad < 0) return { state: 'valid', scores: data };
    const place = `row ${Math.floor(bad / classes)}, column ${bad % classes}`;
    return {
      state: 'invalid',
      reason: `${predictionsFile}: ${place} is ${data[bad]}; values must be finite`,
    };
  } catch (error) {
    if (error instanceof UserError) return { state: 'invalid', reason: error.about({ path: name }).message };
    throw error;
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}
