import { readFile } from 'node:fs/promises';
import type { z } from 'zod';
import { replaceFile } from '../../datasets/atomicWrite.ts';
import { UserError } from '../../datasets/userError.ts';

/**
 * Reads a log of one JSON value per line; empty if the file does not exist.
 * @param kind of a line in messages, with an article: `a decision`
 * @throws UserError if the file cannot be read or is damaged
 */
export async function readJsonLines<T>(path: string, schema: z.ZodType<T>, kind: string): Promise<T[]> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw new UserError({ path, reason: `cannot be read (${error.code})`, remedy: 'Make it readable.' });
  });
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line, at) => {
      try {
        return schema.parse(JSON.parse(line));
      } catch {
        throw new UserError(`${path}, line ${at + 1}: is not ${kind}. Restore the file.`);
      }
    });
}

/** Replaces a log, atomically. */
export async function writeJsonLines(path: string, values: readonly unknown[]): Promise<void> {
  await replaceFile(path, values.map((each) => `${JSON.stringify(each)}\n`).join(''));
}
