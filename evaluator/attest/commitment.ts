import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { describeFault } from '../../datasets/describeFault.ts';
import { UserError } from '../../datasets/userError.ts';

const hex64 = z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 hexadecimal digits');

/** What an organizer publishes before the contest: binds set and seeds without showing them. */
export const commitmentSchema = z.strictObject({
  schemaVersion: z.literal(1),
  sealedSha256: hex64.describe('sha256 of withheld.age'),
  seedsSha256: hex64.describe('see seedsDigest'),
});
export type Commitment = z.infer<typeof commitmentSchema>;

/** What an organizer publishes after the contest. */
export const revealSchema = z.strictObject({
  schemaVersion: z.literal(1),
  nonce: hex64.describe('keeps a short list of small seeds from being guessed from its hash'),
  seeds: z.array(z.int().nonnegative()).min(1),
});
export type Reveal = z.infer<typeof revealSchema>;

export const seedsDigest = ({ nonce, seeds }: Reveal): string =>
  createHash('sha256').update(JSON.stringify({ nonce, seeds })).digest('hex');

/** @throws UserError */
export const readCommitment = (path: string): Promise<Commitment> => read(path, commitmentSchema);

/** @throws UserError */
export const readReveal = (path: string): Promise<Reveal> => read(path, revealSchema);

async function read<T>(path: string, schema: z.ZodType<T>): Promise<T> {
  const remedy = 'Give the file as the organizer published it.';
  let value: unknown;
  try {
    value = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    throw new UserError(`${path}: cannot be read as JSON (${describeFault(error)}). ${remedy}`);
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new UserError(`${path}: ${z.prettifyError(parsed.error).replaceAll('\n', ' ')}. ${remedy}`);
}
