import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { parseNpy, readNpy } from '../../datasets/npy.ts';
import { UserError } from '../../datasets/userError.ts';
import { predictionsFile } from '../contract.ts';

/** What a predictions.npy holds: float32 [rows, classes], row by row, all finite, or the reason why not. */
export type ParsedPredictions =
  | { readonly state: 'invalid'; readonly reason: string }
  | { readonly state: 'valid'; readonly scores: Float32Array };
export type Predictions = { readonly state: 'none' } | ParsedPredictions;

/**
 * Reads what the predict stage left: float32 [rows, classes], row by row, all finite. The file was made by a
 * stranger: no link is followed, no pipe waited for, and nothing is read before its size is known to fit.
 * @throws Error when the disk fails, never because of what the file holds
 */
export async function readPredictions(folder: string, rows: number, classes: number): Promise<Predictions> {
  const path = join(folder, predictionsFile);
  if (!(await exists(path))) return { state: 'none' };
  return judged(classes, () =>
    readNpy(path, { dtype: 'float32', shape: [rows, classes], refuseLinks: true }),
  );
}

/** As {@link readPredictions}, of bytes that were read; `name` stands for the file in the reason. */
export function parsePredictions(
  name: string,
  bytes: Uint8Array,
  rows: number,
  classes: number,
): Promise<ParsedPredictions> {
  return judged(classes, async () => parseNpy(name, bytes, { dtype: 'float32', shape: [rows, classes] }));
}

async function judged(
  classes: number,
  read: () => Promise<{ readonly data: Float32Array }>,
): Promise<ParsedPredictions> {
  try {
    const { data } = await read();
    const bad = data.findIndex((value) => !Number.isFinite(value));
    if (bad < 0) return { state: 'valid', scores: data };
    const place = `row ${Math.floor(bad / classes)}, column ${bad % classes}`;
    return { state: 'invalid', reason: `${predictionsFile}: ${place} is ${data[bad]}; all must be finite` };
  } catch (error) {
    if (error instanceof UserError) return { state: 'invalid', reason: error.message };
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
