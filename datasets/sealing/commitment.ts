import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { sha256 } from '../sha256.ts';
import { sha256Schema } from '../track.ts';
import { UserError } from '../userError.ts';
import { readJson } from './readJson.ts';
import { type ContestTerms, termsSchema } from './terms.ts';

/**
 * Commit and reveal: before the contest the organizer publishes a commitment, afterwards the reveal. Then anyone can see
 * that the withheld set, the seeds and the terms were settled before the first entry came in. The terms need no hiding.
 */
export const commitmentSchema = z.strictObject({
  schemaVersion: z.literal(2),
  sealedSha256: sha256Schema.describe('of withheld.age'),
  seedsSha256: sha256Schema.describe(
    'of the JSON text {"nonce":"...","seeds":[...]}, no spaces, nonce and seeds as in the reveal',
  ),
  terms: termsSchema,
});
export type Commitment = z.infer<typeof commitmentSchema>;

/** It left the terms open. */
const firstCommitmentSchema = z.looseObject({
  schemaVersion: z.literal(1),
  sealedSha256: sha256Schema,
  seedsSha256: sha256Schema,
});

/** Largest seed of a run, see `haet dry-run --seed`. */
export const MOST_SEED = 2 ** 31 - 1;

/** Kept secret until the contest is over. */
export const revealSchema = z.strictObject({
  nonce: sha256Schema.describe(
    '32 random bytes in hexadecimal: without them, few seeds could be guessed from the hash',
  ),
  seeds: z
    .array(z.int().min(0).max(MOST_SEED))
    .min(1)
    .refine((seeds) => new Set(seeds).size === seeds.length, 'a seed stands twice in the list')
    .describe('seeds of the runs of every entry, in their order'),
});
export type Reveal = z.infer<typeof revealSchema>;

/** @param withheld the bytes of withheld.age */
export function commitTo(
  withheld: Uint8Array,
  seeds: readonly number[],
  terms: ContestTerms,
): { commitment: Commitment; reveal: Reveal } {
  const reveal = revealSchema.parse({ nonce: randomBytes(32).toString('hex'), seeds });
  const commitment: Commitment = {
    schemaVersion: 2,
    sealedSha256: sha256(withheld),
    seedsSha256: seedsSha256(reveal),
    terms,
  };
  return { commitment, reveal };
}

/** What shows that the reveal is not the one that was committed to, as a sentence without its end; null when it is. */
export function revealFault(commitment: Commitment, reveal: Reveal): string | null {
  const got = seedsSha256(reveal);
  if (got === commitment.seedsSha256) return null;
  return `the seeds revealed give sha256 ${got}, and the commitment says ${commitment.seedsSha256}: they are not the ones chosen beforehand`;
}

/**
 * As `revealFault`, of the withheld set.
 * @param got sha256 of withheld.age; null where no sealed set was used
 */
export function sealedFault(commitment: Commitment, got: string | null): string | null {
  if (got === commitment.sealedSha256) return null;
  const used = got === null ? 'none was used' : `the one used has ${got}`;
  return `the commitment is to a sealed set with sha256 ${commitment.sealedSha256}, and ${used}`;
}

/** @throws UserError */
export async function readCommitment(path: string): Promise<Commitment> {
  const remedy = 'Give the commitment that `haet seal commit` wrote.';
  const either = z.discriminatedUnion('schemaVersion', [commitmentSchema, firstCommitmentSchema]);
  const found = await readJson(path, either, { kind: 'a commitment', remedy });
  if (found.schemaVersion === 2) return found;
  throw new UserError({
    path,
    reason: 'is a commitment of version 1, which leaves the terms of the contest open',
    remedy: 'Make a new one with `haet seal commit` and publish it before the first entry comes in.',
  });
}

/** @throws UserError */
export function readReveal(path: string): Promise<Reveal> {
  const remedy = 'Give the reveal that `haet seal commit` wrote.';
  return readJson(path, revealSchema, { kind: 'a reveal', remedy });
}

/** What a commitment says of the seeds. Built anew, so that the text has one form whatever the file looked like. */
export function seedsSha256({ nonce, seeds }: Reveal): string {
  return sha256(JSON.stringify({ nonce, seeds }));
}
