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
  archive: z.string().describe('name of its file'),
  job: z.string().describe("name of the job's folder: bytes, Track and seed"),
  terms: z.string().describe('sandbox and limits that the job was run under'),
  seed: z.int().nonnegative(),
  spent: z.int().positive().describe('how many attempts were void by then; one more is allowed'),
  because: z.string().min(1).max(500),
});

/** That a job is run once more although its attempts are used up. */
export type Decision = z.infer<typeof decisionSchema>;

/**
 * All decisions, in the order they were taken.
 * @throws UserError when the file cannot be read or is damaged
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

/** Adds decisions; the file is the old one or the new one, never half of one. */
export async function addDecisions(folder: string, more: readonly Decision[]): Promise<Decision[]> {
  const all = [...(await readDecisions(folder)), ...more];
  await replaceFile(join(folder, decisionsFile), all.map((each) => `${JSON.stringify(each)}\n`).join(''));
  return all;
}
