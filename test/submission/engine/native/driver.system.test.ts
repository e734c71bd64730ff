import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { compileNative } from '../../../../bench/compileNative.ts';
import { describeNative } from '../../engines.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'haet-driver-'));
});
afterAll(() => rm(folder, { recursive: true }));

describeNative('the native kernels without TensorFlow', () => {
  test.each([
    ['memory errors and undefined behaviour', 'address,undefined', 3],
    ['races of threads', 'thread', 4],
  ])('are correct, and free of %s', async (_, sanitizer, threads) => {
    const program = join(folder, sanitizer.replace(',', '-'));
    await compileNative('.', 'test/submission/engine/native/driver.cc', program, [
      ...['-O1', '-g', `-fsanitize=${sanitizer}`, '-fno-sanitize-recover=all'],
    ]);
    // Address space randomisation is off: an older runtime of this sanitizer fails with some layouts.
    const words = sanitizer === 'thread' ? ['setarch', '--addr-no-randomize', program] : [program];
    const { exitCode, all } = await execa(words[0]!, [...words.slice(1), String(threads)], {
      all: true,
      reject: false,
    });
    expect({
      exitCode,
      complaints: all.split('\n').filter((line) => /OTHER|ERROR|WARNING|runtime error/.test(line)),
    }).toEqual({ exitCode: 0, complaints: [] });
  });
});
