import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { expect, test } from '@jest/globals';
import { execa } from 'execa';
import { howCompiled, type Target } from '../../../../bench/compileNative.ts';
import { whyNotVariant } from '../../../../submission/engine/native/addon.ts';
import {
  nativePath,
  type Variant,
  variants,
  variantsOf,
} from '../../../../submission/engine/native/variants.ts';
import { compiledDriver } from './compiledDriver.ts';

const memory = 'memory errors and undefined behaviour';
/** Milliseconds: a slow machine that runs other tests compiles with a sanitizer for two minutes. */
const most = 600_000;
const lowered = { instructions: 'avx2' } as const;
const isLacking = (variant: Variant) => whyNotVariant(variant)?.startsWith('the CPU lacks') ?? false;
/** Vectors wider than AVX2's: with the instructions that they ship with, or lowered if the CPU lacks those. */
const wide = (variant: Variant): Target => ({ variant, ...(isLacking(variant) && lowered) });
const cases: [string, Target, string, string, string][] = [
  ['of 4 lanes', { variant: 'neon', ...lowered }, memory, 'address,undefined', '3 small'],
  ['of 8 lanes', { variant: 'avx2' }, memory, 'address,undefined', '3'],
  ['of 8 lanes', { variant: 'avx2' }, 'races of threads', 'thread', '4'],
  ['of 16 lanes', wide('avx512'), memory, 'address,undefined', '3'],
  ['of 16 lanes in bfloat16', wide('avx512bf16'), memory, 'address,undefined', '3'],
];

for (const [name, target, free, sanitizer, args] of cases) {
  const instructions = target.instructions ?? target.variant;
  const missing = variantsOf(process.arch).includes(instructions)
    ? whyNotVariant(instructions)
    : `the CPU lacks ${instructions}`;
  const how = target.instructions === undefined ? '' : `, lowered to ${target.instructions}`;
  const title = `the native kernels without TensorFlow, ${name}${how}, are correct, and free of ${free}`;
  const cannotRun = missing?.startsWith('the CPU lacks') ?? false;
  (cannotRun ? test.skip : test)(
    cannotRun ? `${title} (skipped: ${missing})` : title,
    async () => {
      // Lines for the messages of a sanitizer; names of variables cost the compiler a quarter of its time.
      const flags = ['-O1', '-g1', `-fsanitize=${sanitizer}`, '-fno-sanitize-recover=all'];
      const program = await compiledDriver(target, flags);
      // Address space randomisation is off: an older runtime of this sanitizer fails with some layouts.
      const words = sanitizer === 'thread' ? ['setarch', '--addr-no-randomize', program] : [program];
      await expectRight([...words, ...args.split(' ')]);
    },
    most,
  );
}

/** Runs the driver and expects that it finds nothing wrong. */
async function expectRight([command, ...words]: string[]) {
  const { exitCode, all } = await execa(command!, words, { all: true, reject: false });
  expect({
    exitCode,
    complaints: all.split('\n').filter((line) => /OTHER|ERROR|WARNING|runtime error/.test(line)),
  }).toEqual({ exitCode: 0, complaints: [] });
}

const crossCompiler = 'aarch64-linux-gnu-g++';
const emulator = 'qemu-aarch64-static';
const absent = [crossCompiler, emulator].filter(
  (name) => !process.env['PATH']?.split(delimiter).some((folder) => existsSync(join(folder, name))),
);
const onArm64 = 'the native kernels without TensorFlow, for arm64, are correct in an emulator';
(absent.length > 0 ? test.skip : test)(
  absent.length > 0 ? `${onArm64} (skipped: ${absent.join(' and ')} not installed)` : onArm64,
  async () => {
    const program = await compiledDriver({ variant: 'neon', compiler: crossCompiler }, ['-O2', '-static']);
    await expectRight([emulator, program, '3', 'small']);
  },
  most,
);

test('compile.json and variants.ts name the same variants of each processor and number type', async () => {
  const compiled = (await howCompiled('.')).variants;
  expect(compiled.map(({ name }) => name)).toEqual(variants);
  for (const processor of ['x64', 'arm64']) {
    const named = compiled.filter((variant) => variant.processor === processor).map(({ name }) => name);
    expect(named).toEqual(variantsOf(processor));
  }
  for (const { name, bfloat16 } of compiled) expect(nativePath(name).bfloat16).toBe(bfloat16);
});
