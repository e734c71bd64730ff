import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { replaceFile } from '../../datasets/atomicWrite.ts';
import { recordFile } from '../run/record.ts';
import { type RunStart, startFile, writeStart } from '../run/runFolder.ts';
import { unscoredFile } from '../run/unscored.ts';

/** In the folder of an attempt that was issued to another machine. */
export const issuedFile = 'issued.json';

const issuedSchema = z.strictObject({
  schemaVersion: z.literal(1),
  batch: z.string().nullable().describe('name of the array job; null until it is submitted'),
  index: z.int().nonnegative().describe('its element of that array'),
});
export type Issued = z.infer<typeof issuedSchema>;

/** Whether an attempt was issued to another machine, and neither a result was taken in nor the attempt voided. */
export function isOpen(attemptFolder: string): boolean {
  const has = (name: string) => existsSync(join(attemptFolder, name));
  return has(issuedFile) && has(startFile) && !has(recordFile) && !has(unscoredFile);
}

/**
 * Issues an attempt: creates `attempt-N` in the folder of a job. The folder is created exclusively, so nothing is issued
 * twice; N is the attempt's number, or the next that is free if other terms used that one.
 * @returns its absolute path
 */
export async function issueAttempt(jobFolder: string, start: RunStart): Promise<string> {
  const folder = await createAttemptFolder(jobFolder, start.attempt);
  await writeIssued(folder, { batch: null, index: 0 });
  await writeStart(folder, start);
  return folder;
}

/**
 * Creates `attempt-N` in a folder, exclusively: the first N from `number` on that is free.
 * @returns its absolute path
 */
export async function createAttemptFolder(parent: string, number: number): Promise<string> {
  await mkdir(parent, { recursive: true });
  for (let next = number; ; next++) {
    const folder = resolve(parent, `attempt-${next}`);
    try {
      await mkdir(folder);
      return folder;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

export async function writeIssued(folder: string, where: Pick<Issued, 'batch' | 'index'>): Promise<void> {
  const issued: Issued = { schemaVersion: 1, ...where };
  await replaceFile(join(folder, issuedFile), `${JSON.stringify(issued)}\n`);
}

/** Reads where an attempt was issued to. */
export async function readIssued(folder: string): Promise<Issued> {
  return issuedSchema.parse(JSON.parse(await readFile(join(folder, issuedFile), 'utf8')));
}
