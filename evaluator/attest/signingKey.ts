import { createPrivateKey, createPublicKey, hkdfSync, type KeyObject } from 'node:crypto';
import { calculateJwkThumbprint } from 'jose';
import { UserError } from '../../datasets/userError.ts';

const purpose = 'haet record signature v1';
/** What stands before the 32 bytes of an Ed25519 seed in PKCS#8 (RFC 8410, section 7). */
const pkcs8Prefix = Buffer.from('302e020100300506032b657004220420', 'hex');
const verifyKeyPrefix = 'haet1';

/**
 * The organizer's signing key. It follows from the age secret that opens the sealed set, so that there is one secret
 * to guard: HKDF-SHA256 (RFC 5869) over the bytes of its text, without salt, to the seed of an Ed25519 key.
 * @param ageSecret `AGE-SECRET-KEY-1...`, the line of an age identity file
 * @throws UserError, which never shows the secret
 */
export function deriveSigningKey(ageSecret: string): KeyObject {
  if (!/^AGE-SECRET-KEY-1[02-9AC-HJ-NP-Z]{58}$/.test(ageSecret)) {
    throw new UserError(
      'the signing key comes of an age secret, AGE-SECRET-KEY-1 and 58 capitals and digits; got something else. Give the line as it stands in the identity file.',
    );
  }
  const seed = Buffer.from(hkdfSync('sha256', Buffer.from(ageSecret, 'utf8'), '', purpose, 32));
  return createPrivateKey({ key: Buffer.concat([pkcs8Prefix, seed]), format: 'der', type: 'pkcs8' });
}

/** What an organizer publishes so that others can verify: `haet1` and the 32 bytes of the public key in base64url. */
export function publicVerifyKey(signingKey: KeyObject): string {
  return verifyKeyText(createPublicKey(signingKey));
}

/** As `publicVerifyKey`, of the public key itself: what `parseVerifyKey` reads. */
export function verifyKeyText(publicKey: KeyObject): string {
  return verifyKeyPrefix + publicKey.export({ format: 'jwk' }).x;
}

/** @throws UserError when the text is not exactly what `publicVerifyKey` gives for some key */
export function parseVerifyKey(text: string): KeyObject {
  if (/^AGE-SECRET-KEY/i.test(text)) {
    throw new UserError(
      'the key to verify with is public; what was given is a secret. Give the key that starts with haet1, and let nobody see the other.',
    );
  }
  const x = text.slice(verifyKeyPrefix.length);
  const bytes = Buffer.from(x, 'base64url');
  if (!text.startsWith(verifyKeyPrefix) || bytes.length !== 32 || bytes.toString('base64url') !== x) {
    throw new UserError({
      reason: `${JSON.stringify(text.slice(0, 80))} is no key to verify with: expected haet1 and 43 characters`,
      remedy: 'Copy it anew from where the organizer published it.',
    });
  }
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
}

/** What names a key within a record: its JWK thumbprint (RFC 7638). */
export function keyId(publicKey: KeyObject): Promise<string> {
  return calculateJwkThumbprint(publicKey.export({ format: 'jwk' }) as { kty: string });
}
