import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { replaceFile } from '../../datasets/atomicWrite.ts';
import { UserError } from '../../datasets/userError.ts';

/** One JSON line per decision of a person, beside the leaderboard. */
export const decisionsFile = 'decisions.jsonl';

const decisionSchema = z.strictObject({
  schemaVersion: z.literal(1),
  at: z.iso.datetime(),
  archive: z.string().describe('file name of the archive'),
  job: z.string().describe("name of the job's folder: bytes, Track and seed"),
  terms: z.string().describe('sandbox and limits that the job was run under'),
  seed: z.int().nonnegative(),
  spent: z.int().positive().describe('number of void attempts so far; one more is allowed'),
  because: z.string().min(1).max(500),
});

/** A decision to allow one more attempt of a job. */
export type Decision = z.infer<typeof decisionSchema>;

/**
 * Reads all decisions, in order.
 * @throws UserError if the file cannot be read or is damaged
 */
export async function readDecisions(folder: string): Promise<Decision[]> {
  const path = join(folder, decisionsFile);
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw new UserError({ path, reason: `cannot be read (${error.code})`, remedy: 'Make it readable.' });
  });
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line, at) => {
      try {
        return decisionSchema.parse(JSON.parse(line));
      } catch {
        throw new UserError(`${path}, line ${at + 1}: is not a decision. Restore the file.`);
      }
    });
}

/** Adds decisions to the file, atomically. */
export async function addDecisions(folder: string, more: readonly Decision[]): Promise<Decision[]> {
  const all = [...(await readDecisions(folder)), ...more];
  await replaceFile(join(folder, decisionsFile), all.map((each) => `${JSON.stringify(each)}\n`).join(''));
  return all;
}
