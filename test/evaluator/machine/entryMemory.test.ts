import { expect, test } from '@jest/globals';
import { UserError } from '../../../datasets/userError.ts';
import { entryMemoryBytes, reservedMemoryBytes } from '../../../evaluator/machine/entryMemory.ts';

const gib = 2 ** 30;

test.each([
  [32 * gib, 3.2 * gib],
  [8 * gib, gib],
  [4 * gib, gib],
  [gib, gib / 4],
  [2 ** 20, 2 ** 18],
])('of %d bytes, %d are reserved for the evaluator', (bytes, kept) => {
  expect(reservedMemoryBytes(bytes)).toBe(Math.ceil(kept));
  expect(entryMemoryBytes({ memoryBytes: bytes })).toBe(bytes - Math.ceil(kept));
});

test('a request up to the rest is granted, and a larger one is rejected with both numbers', () => {
  const machine = { memoryBytes: 8 * gib };
  expect(entryMemoryBytes(machine, 5)).toBe(5);
  expect(entryMemoryBytes(machine, 7 * gib)).toBe(7 * gib);
  expect(() => entryMemoryBytes(machine, 7 * gib + 1)).toThrow(UserError);
  expect(() => entryMemoryBytes(machine, 7 * gib + 1)).toThrow(
    `--memory ${7 * gib + 1}: at most ${7 * gib} bytes are available (${gib} of ${8 * gib} are reserved for the evaluator)`,
  );
});
