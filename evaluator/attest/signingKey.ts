import { createPrivateKey, createPublicKey, hkdfSync, type KeyObject } from 'node:crypto';
import { UserError } from '../../datasets/userError.ts';

/** The library of signatures. Loaded when it is needed, because that is slow, and most commands sign and verify nothing. */
export const jose = () => import('jose');

const purpose = 'haet record signature v1';
/** PKCS#8 prefix of a 32-byte Ed25519 seed (RFC 8410, section 7). */
const pkcs8Prefix = Buffer.from('302e020100300506032b657004220420', 'hex');
const verifyKeyPrefix = 'haet1';

/**
 * Derives the organizer's signing key from the age identity, so that there is only one secret to protect: HKDF-SHA256
 * (RFC 5869) over the bytes of its text, without salt, to the seed of an Ed25519 key.
 * @param ageSecret `AGE-SECRET-KEY-1...`, the line of an age identity file
 * @throws UserError, which never shows the secret
 */
export function deriveSigningKey(ageSecret: string): KeyObject {
  if (!/^AGE-SECRET-KEY-1[02-9AC-HJ-NP-Z]{58}$/.test(ageSecret)) {
    throw new UserError(
      'the signing key needs an age secret key, AGE-SECRET-KEY-1 and 58 capital letters and digits. Give the line from the identity file.',
    );
  }
  const seed = Buffer.from(hkdfSync('sha256', Buffer.from(ageSecret, 'utf8'), '', purpose, 32));
  return createPrivateKey({ key: Buffer.concat([pkcs8Prefix, seed]), format: 'der', type: 'pkcs8' });
}

/** Returns the verify key that an organizer publishes: `haet1` and the 32 bytes of the public key in base64url. */
export function publicVerifyKey(signingKey: KeyObject): string {
  return verifyKeyText(createPublicKey(signingKey));
}

/** Formats a public key as `parseVerifyKey` reads it. */
export function verifyKeyText(publicKey: KeyObject): string {
  return verifyKeyPrefix + publicKey.export({ format: 'jwk' }).x;
}

/**
 * Parses a verify key.
 * @throws UserError if the text is not exactly what `publicVerifyKey` returns for some key
 */
export function parseVerifyKey(text: string): KeyObject {
  if (/^AGE-SECRET-KEY/i.test(text)) {
    throw new UserError(
      'a secret key was given; verification needs the public key that starts with haet1. Keep the secret key private.',
    );
  }
  const x = text.slice(verifyKeyPrefix.length);
  const bytes = Buffer.from(x, 'base64url');
  if (!text.startsWith(verifyKeyPrefix) || bytes.length !== 32 || bytes.toString('base64url') !== x) {
    throw new UserError({
      reason: `${JSON.stringify(text.slice(0, 80))} is not a verify key: expected haet1 and 43 characters`,
      remedy: 'Copy it again from where the organizer published it.',
    });
  }
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
}

/** Returns the id of a key in a record: its JWK thumbprint (RFC 7638). */
export async function keyId(publicKey: KeyObject): Promise<string> {
  const { calculateJwkThumbprint } = await jose();
  return calculateJwkThumbprint(publicKey.export({ format: 'jwk' }) as { kty: string });
}
