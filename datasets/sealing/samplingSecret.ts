import { randomBytes } from 'node:crypto';
import { createFile } from '../atomicWrite.ts';
import { SECRET_BYTES } from '../secretRandom.ts';
import { UserError } from '../userError.ts';
import { readWhole } from './readWhole.ts';

const mostBytes = 4096;
const pattern = new RegExp(`^[0-9a-f]{${2 * SECRET_BYTES}}$`, 'i');

/**
 * Makes a secret to draw a Track by and writes it to a file, readable by its owner only: 64 hexadecimal digits.
 * @returns 32 bytes
 * @throws UserError when the file is there already or cannot be written
 */
export async function makeSamplingSecret(path: string): Promise<Uint8Array> {
  const secret = randomBytes(SECRET_BYTES);
  await createFile(path, `${secret.toString('hex')}\n`, 0o600);
  return secret;
}

/**
 * @returns 32 bytes
 * @throws UserError when others than its owner may reach the file, or it is no such secret; what stands in it is not
 *   repeated
 */
export async function readSamplingSecret(path: string): Promise<Uint8Array> {
  const { bytes, mode } = await readWhole(path, mostBytes);
  if ((mode & 0o077) !== 0) {
    throw new UserError({
      path,
      reason: `holds a secret, and others than its owner may reach it (mode ${mode.toString(8)}; expected 600)`,
      remedy: `Run \`chmod 600 ${path}\`.`,
    });
  }
  const text = bytes.toString('latin1').trim();
  if (pattern.test(text)) return Buffer.from(text, 'hex');
  throw new UserError({
    path,
    reason: `is no secret to draw a Track by: expected ${2 * SECRET_BYTES} hexadecimal digits and nothing else`,
    remedy: 'Make one with `haet data make --new-secret FILE` or `openssl rand -hex 32`.',
  });
}
