import { createCipheriv, hkdfSync } from 'node:crypto';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { randomFromSecret } from '../../datasets/secretRandom.ts';

const secrets = fc.uint8Array({ minLength: 32, maxLength: 32 });
const words = (random: { next(): number }, count: number) =>
  Array.from({ length: count }, () => random.next());

test('the stream is AES-256-CTR from zero under HKDF-SHA256 of the secret, across its blocks', () => {
  fc.assert(
    fc.property(secrets, (secret) => {
      const key = Buffer.from(hkdfSync('sha256', secret, '', 'haet sampling v1', 32));
      const stream = createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(4 * 3000));
      const expected = Array.from({ length: 3000 }, (_, word) => stream.readInt32LE(4 * word));
      expect(words(randomFromSecret(secret), 3000)).toEqual(expected);
    }),
    { numRuns: 10 },
  );
});

test("a clone continues at the original's position without changing it", () => {
  fc.assert(
    fc.property(secrets, fc.nat(2000), (secret, used) => {
      const random = randomFromSecret(secret);
      words(random, used);
      const clone = random.clone();
      expect(clone.getState()).toEqual(random.getState());
      const next = words(clone, 5);
      expect(words(random, 5)).toEqual(next);
    }),
    { numRuns: 30 },
  );
});

test('rejects a secret of another length', () => {
  expect(() => randomFromSecret(new Uint8Array(16))).toThrow('a secret of 16 bytes; expected 32');
});
