import { randomBytes } from 'node:crypto';
import { createFile } from '../atomicWrite.ts';
import { SECRET_BYTES } from '../secretRandom.ts';
import { UserError } from '../userError.ts';
import { readWhole } from './readWhole.ts';

const mostBytes = 4096;
const pattern = new RegExp(`^[0-9a-f]{${2 * SECRET_BYTES}}$`, 'i');

/**
 * Generates a sampling secret and writes it to a file, readable by its owner only: 64 hexadecimal digits.
 * @returns 32 bytes
 * @throws UserError if the file exists or cannot be written
 */
export async function makeSamplingSecret(path: string): Promise<Uint8Array> {
  const secret = randomBytes(SECRET_BYTES);
  await createFile(path, `${secret.toString('hex')}\n`, 0o600);
  return secret;
}

/**
 * Reads a sampling secret.
 * @returns 32 bytes
 * @throws UserError if others can access the file, or it is not a sampling secret; messages never contain it
 */
export async function readSamplingSecret(path: string): Promise<Uint8Array> {
  const { bytes, mode } = await readWhole(path, mostBytes);
  if ((mode & 0o077) !== 0) {
    throw new UserError({
      path,
      reason: `contains a secret and is accessible to others (mode ${mode.toString(8)}; expected 600)`,
      remedy: `Run \`chmod 600 ${path}\`.`,
    });
  }
  const text = bytes.toString('latin1').trim();
  if (pattern.test(text)) return Buffer.from(text, 'hex');
  throw new UserError({
    path,
    reason: `is not a sampling secret: expected ${2 * SECRET_BYTES} hexadecimal digits and nothing else`,
    remedy: 'Make one with `haet data make --new-secret FILE` or `openssl rand -hex 32`.',
  });
}
