// A canary is an entry whose results are known. It runs on every machine before the first run there and again every K
// runs, and its runs are judged by their band. The log has one line per run of the canary that was judged, each added in
// one atomic write. Which runs of the grading count follows from it and from canary.json in their folders: the last good
// canary before a run and the next one after it must both be in their band.
import { join } from 'node:path';
import { z } from 'zod';
import type { CanaryMark } from '../../run/canaryMark.ts';
import { readJsonLines, writeJsonLines } from '../jsonLines.ts';
import { bandSchema } from './band.ts';

/** One JSON line per judged run of the canary, beside the leaderboard's folder. */
export const canariesFile = 'canaries.jsonl';

const judgementSchema = z.strictObject({
  schemaVersion: z.literal(1),
  at: z.iso.datetime(),
  node: z.string().describe('name of the machine'),
  number: z.int().positive().describe('1 for the first canary there'),
  run: z.string().describe("name of the run's folder"),
  found: z
    .enum(['good', 'bad', 'unusable'])
    .describe('bad: out of its band; unusable: it says nothing, as it was stopped or is of other terms'),
  because: z.string().nullable().describe('why it is not good, as a clause'),
  accuracy: z.number().nullable(),
  imagesPerSecond: z.number().nullable(),
  band: bandSchema,
  done: z
    .enum(['drained', 'left out', 'stopped'])
    .nullable()
    .describe(
      'what was done with a bad machine: drained in Slurm, left out of the grading, grading stopped there',
    ),
});
export type Judgement = z.infer<typeof judgementSchema>;

/**
 * Reads all judgements, in order.
 * @throws UserError if the log cannot be read or is damaged
 */
export async function readJudgements(outFolder: string): Promise<Judgement[]> {
  return readJsonLines(join(outFolder, canariesFile), judgementSchema, 'a judgement of a canary');
}

/** Adds a judgement to the log, atomically. */
export async function addJudgement(outFolder: string, judgement: Judgement): Promise<void> {
  const all = [...(await readJudgements(outFolder)), judgement];
  await writeJsonLines(join(outFolder, canariesFile), all);
}

/** Returns the canary that voids a run: the one before it or the next one after it; null if both are good or not judged. */
export function voidedBy({ node, number }: CanaryMark, judgements: readonly Judgement[]): Judgement | null {
  const own = judgements
    .filter((each) => each.node === node && each.found !== 'unusable')
    .sort((a, b) => a.number - b.number);
  const before = own.findLast((each) => each.number <= number);
  const after = own.find((each) => each.number > number);
  return [before, after].find((each) => each?.found === 'bad') ?? null;
}
