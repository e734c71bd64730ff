import { join } from 'node:path';
import { z } from 'zod';
import { readJsonLines, writeJsonLines } from './jsonLines.ts';

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
  return readJsonLines(join(folder, decisionsFile), decisionSchema, 'a decision');
}

/** Adds decisions to the file, atomically. */
export async function addDecisions(folder: string, more: readonly Decision[]): Promise<Decision[]> {
  const all = [...(await readDecisions(folder)), ...more];
  await writeJsonLines(join(folder, decisionsFile), all);
  return all;
}
