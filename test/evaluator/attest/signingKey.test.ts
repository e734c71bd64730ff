import { createPublicKey, hkdfSync } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { generateIdentity } from 'age-encryption';
import fc from 'fast-check';
import {
  deriveSigningKey,
  keyId,
  parseVerifyKey,
  publicVerifyKey,
} from '../../../evaluator/attest/signingKey.ts';
import { organizerSecret, strangersKey, verifyKey } from './madeUpOfficial.ts';

describe('the signing key', () => {
  test('is HKDF-SHA256 of the text of the age secret, always the same', () => {
    const seed = hkdfSync('sha256', organizerSecret, '', 'haet record signature v1', 32);
    expect(deriveSigningKey(organizerSecret).export({ format: 'jwk' }).d).toBe(
      Buffer.from(seed).toString('base64url'),
    );
    // Written down once: a change of the derivation would orphan every key that was ever published.
    expect(verifyKey).toBe('haet1DVK93tbWMtd5V8ZIH7RnwsZVC4pwSEAfuyqWUbU50Ts');
  });

  test('comes of what age makes, another of every secret', async () => {
    const [one, two] = [await generateIdentity(), await generateIdentity()].map(deriveSigningKey);
    expect(publicVerifyKey(one!)).toMatch(/^haet1[A-Za-z0-9_-]{43}$/);
    expect(publicVerifyKey(one!)).not.toBe(publicVerifyKey(two!));
  });

  test.each([
    ['', 'empty'],
    [`${organizerSecret}\n`, 'a line break'],
    [organizerSecret.toLowerCase(), 'small letters'],
    [organizerSecret.slice(0, -1), 'one character short'],
    [organizerSecret.replace('QQ', 'QB'), 'a letter that bech32 has not'],
  ])('does not come of %j (%s), and no message shows a secret', (text) => {
    expect(() => deriveSigningKey(text)).toThrow('Give the line from the identity file');
    expect(() => deriveSigningKey(text)).not.toThrow(/Q{20}/i);
  });
});

describe('the key to verify with', () => {
  test('is read back as the same key', async () => {
    for (const signing of [deriveSigningKey(organizerSecret), strangersKey]) {
      const read = parseVerifyKey(publicVerifyKey(signing));
      expect(read.equals(createPublicKey(signing))).toBe(true);
    }
  });

  test('is known by its thumbprint, other keys by others', async () => {
    expect(await keyId(parseVerifyKey(verifyKey))).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(await keyId(parseVerifyKey(verifyKey))).not.toBe(await keyId(createPublicKey(strangersKey)));
  });

  test('is refused when it is cut, lengthened, or written in a second way', () => {
    const secondWay = verifyKey.slice(0, -1) + String.fromCharCode(verifyKey.charCodeAt(47) + 1);
    for (const text of ['', verifyKey.slice(5), verifyKey.slice(0, -1), `${verifyKey}A`, ` ${verifyKey}`]) {
      expect(() => parseVerifyKey(text)).toThrow('is not a verify key: expected haet1');
    }
    expect(Buffer.from(secondWay.slice(5), 'base64url')).toEqual(
      Buffer.from(verifyKey.slice(5), 'base64url'),
    );
    expect(() => parseVerifyKey(secondWay)).toThrow('is not a verify key');
  });

  test('any text is one key or a sentence', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.base64String().map((text) => `haet1${text}`),
        ),
        (text) => {
          try {
            expect(`haet1${parseVerifyKey(text).export({ format: 'jwk' }).x}`).toBe(text);
          } catch (error) {
            expect((error as Error).name).toBe('UserError');
          }
        },
      ),
    );
  });

  test('is not the secret: that is refused and not repeated', () => {
    expect(() => parseVerifyKey(organizerSecret)).toThrow('a secret key was given');
    expect(() => parseVerifyKey(organizerSecret)).not.toThrow(/QQQ/);
  });
});
