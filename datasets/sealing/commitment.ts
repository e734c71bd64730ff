import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { UserError } from '../userError.ts';
import { readJson } from './readJson.ts';
import { sha256, sha256Schema } from './withheldSet.ts';

/**
 * Commit and reveal: before the contest the organizer publishes a commitment, afterwards the reveal. Then anyone can see
 * that the withheld set and the seeds were settled before the first entry came in.
 */
export const commitmentSchema = z.strictObject({
  schemaVersion: z.literal(1),
  sealedSha256: sha256Schema.describe('of withheld.age'),
  seedsSha256: sha256Schema.describe(
    'of the JSON text {"nonce":"...","seeds":[...]}, no spaces, nonce and seeds as in the reveal',
  ),
});
export type Commitment = z.infer<typeof commitmentSchema>;

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
): { commitment: Commitment; reveal: Reveal } {
  const reveal = revealSchema.parse({ nonce: randomBytes(32).toString('hex'), seeds });
  const commitment: Commitment = {
    schemaVersion: 1,
    sealedSha256: sha256(withheld),
    seedsSha256: seedsSha256(reveal),
  };
  return { commitment, reveal };
}

/** @throws UserError when the reveal is not the one that was committed to */
export function checkReveal(commitment: Commitment, reveal: Reveal): void {
  const got = seedsSha256(reveal);
  if (got === commitment.seedsSha256) return;
  throw new UserError(
    `the seeds revealed are not those committed to: their sha256 with the nonce is ${got}, ` +
      `the commitment says ${commitment.seedsSha256}. Ask the organizer for the reveal that belongs to this commitment.`,
  );
}

/**
 * @param name stands for the file in messages
 * @throws UserError when a withheld set is not the one that was committed to
 */
export function checkSealed(commitment: Commitment, withheld: Uint8Array, name = 'withheld.age'): void {
  const got = sha256(withheld);
  if (got === commitment.sealedSha256) return;
  throw new UserError(
    `${name} is not the withheld set committed to: its sha256 is ${got}, ` +
      `the commitment says ${commitment.sealedSha256}. Ask the organizer for the file that belongs to this commitment.`,
  );
}

/** @throws UserError */
export function readCommitment(path: string): Promise<Commitment> {
  const remedy = 'Give the commitment that `haet seal commit` wrote.';
  return readJson(path, commitmentSchema, { kind: 'a commitment', remedy });
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
