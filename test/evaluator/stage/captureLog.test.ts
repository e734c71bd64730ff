import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { captureLog } from '../../../evaluator/stage/captureLog.ts';
import { temporaryFolder } from '../fixtures.ts';

let folder: string;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Returns the expected log. */
function expected(all: Buffer, capBytes: number): Buffer {
  const half = Math.ceil(capBytes / 2);
  const left = all.length - 2 * half;
  if (left <= 0) return all;
  const note = Buffer.from(`\n[haet: ${left} bytes omitted]\n`);
  return Buffer.concat([all.subarray(0, half), note, all.subarray(all.length - half)]);
}

test('keeps the first and the last half of the cap with a note between, however the bytes arrive', async () => {
  const chunk = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes));
  await fc.assert(
    fc.asyncProperty(
      fc.array(chunk, { maxLength: 20 }),
      fc.integer({ min: 1, max: 120 }),
      async (chunks, cap) => {
        const path = join(folder, 'log');
        const all = Buffer.concat(chunks);
        expect(await captureLog(Readable.from(chunks), path, cap)).toEqual({
          bytes: all.length,
          fault: null,
        });
        expect((await readFile(path)).equals(expected(all, cap))).toBe(true);
      },
    ),
    { numRuns: 300 },
  );
});

test('reads two million single bytes, and large chunks after them', async () => {
  const cap = 3_000_000;
  const all = Buffer.alloc(2_000_000 + 64 * 65_536, 'a log of many lines');
  const sizeAt = (at: number) => (at < 2_000_000 ? 1 : 65_536);
  let at = 0;
  const stream = new Readable({
    objectMode: true,
    read() {
      for (let count = 0; count < 1000 && at < all.length; count += 1) {
        this.push(all.subarray(at, at + sizeAt(at)));
        at += sizeAt(at);
      }
      if (at >= all.length) this.push(null);
    },
  });
  // Removing them one by one from the front of an array would take minutes.
  const path = join(folder, 'log');
  expect(await captureLog(stream, path, cap)).toEqual({ bytes: all.length, fault: null });
  expect((await readFile(path)).equals(expected(all, cap))).toBe(true);
});
