import { createCipheriv, hkdfSync } from 'node:crypto';
import type { RandomGenerator } from 'pure-rand/types/RandomGenerator';

/** Length of a secret that a sample is drawn by. */
export const SECRET_BYTES = 32;

const blockBytes = 4096;
const wordBytes = 4;
const cipherBytes = 16;
const zeros = Buffer.alloc(blockBytes);

/**
 * A stream of random numbers that nobody can tell, or find again, without the secret: the key stream of AES-256 in
 * counter mode from zero, as int32 in little endian; its key is HKDF-SHA256 of the secret, no salt, info
 * `haet sampling v1`.
 * @param secret 32 bytes
 * @throws RangeError for another length
 */
export function randomFromSecret(secret: Uint8Array): RandomGenerator {
  if (secret.length !== SECRET_BYTES) {
    throw new RangeError(`a secret of ${secret.length} bytes; expected ${SECRET_BYTES}`);
  }
  return streamFrom(Buffer.from(hkdfSync('sha256', secret, '', 'haet sampling v1', 32)), 0);
}

/** @param start number of the word that comes first */
function streamFrom(key: Buffer, start: number): RandomGenerator {
  let position = start;
  let held = -1;
  let block: Buffer = zeros;
  return {
    next() {
      const at = position * wordBytes;
      position += 1;
      const wanted = Math.floor(at / blockBytes);
      if (wanted !== held) {
        block = keyStream(key, wanted);
        held = wanted;
      }
      return block.readInt32LE(at % blockBytes);
    },
    clone: () => streamFrom(key, position),
    getState: () => [position],
  };
}

/** The block of that number, 4096 bytes. */
function keyStream(key: Buffer, number: number): Buffer {
  const counter = Buffer.alloc(cipherBytes);
  counter.writeBigUInt64BE(BigInt(number) * BigInt(blockBytes / cipherBytes), cipherBytes / 2);
  return createCipheriv('aes-256-ctr', key, counter).update(zeros);
}
