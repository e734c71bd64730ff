import { createCipheriv, hkdfSync } from 'node:crypto';
import type { RandomGenerator } from 'pure-rand/types/RandomGenerator';

/** Bytes of a sampling secret. */
export const SECRET_BYTES = 32;

const blockBytes = 4096;
const wordBytes = 4;
const cipherBytes = 16;
const zeros = Buffer.alloc(blockBytes);

/**
 * Creates a random stream that cannot be predicted or reproduced without the secret: the AES-256-CTR key stream from
 * counter 0, as little-endian int32. The key is HKDF-SHA256 of the secret, no salt, info `haet sampling v1`.
 * @param secret 32 bytes
 * @throws RangeError for another length
 */
export function randomFromSecret(secret: Uint8Array): RandomGenerator {
  if (secret.length !== SECRET_BYTES) {
    throw new RangeError(`a secret of ${secret.length} bytes; expected ${SECRET_BYTES}`);
  }
  return streamFrom(Buffer.from(hkdfSync('sha256', secret, '', 'haet sampling v1', 32)), 0);
}

/** @param start index of the first word */
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

/** Returns block `number` of the key stream, 4096 bytes. */
function keyStream(key: Buffer, number: number): Buffer {
  const counter = Buffer.alloc(cipherBytes);
  counter.writeBigUInt64BE(BigInt(number) * BigInt(blockBytes / cipherBytes), cipherBytes / 2);
  return createCipheriv('aes-256-ctr', key, counter).update(zeros);
}
