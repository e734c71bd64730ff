import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { sha256 } from '../sha256.ts';
import { sha256Schema } from '../track.ts';
import { UserError } from '../userError.ts';
import { readJson } from './readJson.ts';
import { type ContestTerms, termsSchema } from './terms.ts';

/**
 * Commit and reveal: the organizer publishes a commitment before the contest and the reveal afterwards. Anyone can
 * then check that withheld set, seeds and terms were fixed before the first entry arrived. The terms are not secret.
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

/** Version 1 had no terms. */
const firstCommitmentSchema = z.looseObject({
  schemaVersion: z.literal(1),
  sealedSha256: sha256Schema,
  seedsSha256: sha256Schema,
});

/** Largest seed of a run, see `haet dry-run --seed`. */
export const MOST_SEED = 2 ** 31 - 1;

/** Secret until the contest ends. */
export const revealSchema = z.strictObject({
  nonce: sha256Schema.describe(
    '32 random bytes in hexadecimal; without them, the seeds could be guessed from the hash',
  ),
  seeds: z
    .array(z.int().min(0).max(MOST_SEED))
    .min(1)
    .refine((seeds) => new Set(seeds).size === seeds.length, 'a seed occurs twice')
    .describe('seeds of the runs of every entry, in their order'),
});
export type Reveal = z.infer<typeof revealSchema>;

/**
 * Creates a commitment and its reveal.
 * @param withheld the bytes of withheld.age
 */
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

/** Returns why the reveal does not match the commitment, without a final period; null if it matches. */
export function revealFault(commitment: Commitment, reveal: Reveal): string | null {
  const got = seedsSha256(reveal);
  if (got === commitment.seedsSha256) return null;
  return `the revealed seeds have sha256 ${got}, but the commitment says ${commitment.seedsSha256}`;
}

/**
 * Returns why the withheld set does not match the commitment, without a final period; null if it matches.
 * @param got sha256 of withheld.age; null if no sealed set was used
 */
export function sealedFault(commitment: Commitment, got: string | null): string | null {
  if (got === commitment.sealedSha256) return null;
  const used = got === null ? 'none was used' : `the one used has ${got}`;
  return `the commitment names the sealed set with sha256 ${commitment.sealedSha256}, but ${used}`;
}

/** @throws UserError */
export async function readCommitment(path: string): Promise<Commitment> {
  const remedy = 'Give the commitment that `haet seal commit` wrote.';
  const either = z.discriminatedUnion('schemaVersion', [commitmentSchema, firstCommitmentSchema]);
  const found = await readJson(path, either, { kind: 'a commitment', remedy });
  if (found.schemaVersion === 2) return found;
  throw new UserError({
    path,
    reason: 'is a commitment of version 1, which has no terms',
    remedy: 'Make a new one with `haet seal commit` and publish it before the first entry arrives.',
  });
}

/** @throws UserError */
export function readReveal(path: string): Promise<Reveal> {
  const remedy = 'Give the reveal that `haet seal commit` wrote.';
  return readJson(path, revealSchema, { kind: 'a reveal', remedy });
}

/** Returns the hash of the seeds. The text is rebuilt, so that the file's formatting has no influence. */
export function seedsSha256({ nonce, seeds }: Reveal): string {
  return sha256(JSON.stringify({ nonce, seeds }));
}
