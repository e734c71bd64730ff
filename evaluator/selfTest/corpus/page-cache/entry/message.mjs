import { createHash } from 'node:crypto';

const bodyBytes = 16;
const sumBytes = 8;
export const messageBits = 8 * (bodyBytes + sumBytes);

const sumOf = (body) => createHash('sha256').update(body).digest().subarray(0, sumBytes);

/** Encodes a message with a check of its correctness as bits. */
export function encode(body) {
  const bytes = [...body.subarray(0, bodyBytes), ...sumOf(body.subarray(0, bodyBytes))];
  return bytes.flatMap((byte) => Array.from({ length: 8 }, (_, bit) => (byte >> bit) & 1));
}

/** Whether bits are a valid message. */
export function isWhole(bits) {
  const bytes = Buffer.alloc(bits.length / 8);
  bits.forEach((bit, index) => {
    bytes[index >> 3] |= Number(bit) << (index & 7);
  });
  return sumOf(bytes.subarray(0, bodyBytes)).equals(bytes.subarray(bodyBytes));
}
