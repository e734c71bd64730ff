import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { compileNative, type Target } from '../../../../bench/compileNative.ts';
import { whyNotVariant } from '../../../../submission/engine/native/addon.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'haet-driver-'));
});
afterAll(() => rm(folder, { recursive: true }));

const memory = 'memory errors and undefined behaviour';
const cases: [string, Target, string, string, number][] = [
  ['of 8 lanes', { variant: 'avx2' }, memory, 'address,undefined', 3],
  ['of 8 lanes', { variant: 'avx2' }, 'races of threads', 'thread', 4],
  [
    'of 16 lanes, lowered to AVX2',
    { variant: 'avx512', instructions: 'avx2' },
    memory,
    'address,undefined',
    3,
  ],
  ['of 16 lanes', { variant: 'avx512' }, memory, 'address,undefined', 3],
];

for (const [name, target, free, sanitizer, threads] of cases) {
  const missing = whyNotVariant(target.instructions ?? target.variant);
  const title = `the native kernels without TensorFlow, ${name}, are correct, and free of ${free}`;
  const cannotRun = missing?.startsWith('the CPU lacks') ?? false;
  (cannotRun ? test.skip : test)(cannotRun ? `${title} (skipped: ${missing})` : title, async () => {
    const program = join(folder, `${name}-${sanitizer}`.replaceAll(/\W+/g, '-'));
    await compileNative('.', 'test/submission/engine/native/driver.cc', program, target, [
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
}
