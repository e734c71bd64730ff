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
  test('is HKDF-SHA256 of the text of the age secret, and always the same', () => {
    const seed = hkdfSync('sha256', organizerSecret, '', 'haet record signature v1', 32);
    expect(deriveSigningKey(organizerSecret).export({ format: 'jwk' }).d).toBe(
      Buffer.from(seed).toString('base64url'),
    );
    // Fixed: another derivation would invalidate every published key.
    expect(verifyKey).toBe('haet1DVK93tbWMtd5V8ZIH7RnwsZVC4pwSEAfuyqWUbU50Ts');
  });

  test('differs for every age secret', async () => {
    const [one, two] = [await generateIdentity(), await generateIdentity()].map(deriveSigningKey);
    expect(publicVerifyKey(one!)).toMatch(/^haet1[A-Za-z0-9_-]{43}$/);
    expect(publicVerifyKey(one!)).not.toBe(publicVerifyKey(two!));
  });

  test.each([
    ['', 'empty'],
    [`${organizerSecret}\n`, 'a line break'],
    [organizerSecret.toLowerCase(), 'small letters'],
    [organizerSecret.slice(0, -1), 'one character short'],
    [organizerSecret.replace('QQ', 'QB'), 'a letter that is not in bech32'],
  ])('is not derived from %j (%s), and no message shows a secret', (text) => {
    expect(() => deriveSigningKey(text)).toThrow('Give the line from the identity file');
    expect(() => deriveSigningKey(text)).not.toThrow(/Q{20}/i);
  });
});

describe('the verification key', () => {
  test('is read back unchanged', async () => {
    for (const signing of [deriveSigningKey(organizerSecret), strangersKey]) {
      const read = parseVerifyKey(publicVerifyKey(signing));
      expect(read.equals(createPublicKey(signing))).toBe(true);
    }
  });

  test('is identified by its thumbprint, which differs between keys', async () => {
    expect(await keyId(parseVerifyKey(verifyKey))).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(await keyId(parseVerifyKey(verifyKey))).not.toBe(await keyId(createPublicKey(strangersKey)));
  });

  test('is rejected when it is truncated, lengthened, or written in a second form', () => {
    const secondWay = verifyKey.slice(0, -1) + String.fromCharCode(verifyKey.charCodeAt(47) + 1);
    for (const text of ['', verifyKey.slice(5), verifyKey.slice(0, -1), `${verifyKey}A`, ` ${verifyKey}`]) {
      expect(() => parseVerifyKey(text)).toThrow('is not a verify key: expected haet1');
    }
    expect(Buffer.from(secondWay.slice(5), 'base64url')).toEqual(
      Buffer.from(verifyKey.slice(5), 'base64url'),
    );
    expect(() => parseVerifyKey(secondWay)).toThrow('is not a verify key');
  });

  test('any text is one key or gives one error', () => {
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

  test('a secret key is rejected and not repeated', () => {
    expect(() => parseVerifyKey(organizerSecret)).toThrow('a secret key was given');
    expect(() => parseVerifyKey(organizerSecret)).not.toThrow(/QQQ/);
  });
});
