import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { expect, test } from '@jest/globals';
import { runtimeIsReady, runtimePlaces, tensorflowFolder } from '../../../evaluator/machine/runtime.ts';
import { temporaryFolder } from '../fixtures.ts';

test('in a clone the runtime is the clone', () => {
  expect(runtimePlaces()).toEqual({
    packages: resolve('node_modules'),
    submission: resolve('dist/submission'),
  });
});

test.each([
  ['x64', ['haet_ops_avx512bf16', 'haet_ops_avx512', 'haet_ops_avx2']],
  ['arm64', ['haet_ops_neon']],
  ['riscv64', []],
])('a runtime of %s is ready when no part of it is missing', async (processor, nativeOps) => {
  const folder = await temporaryFolder();
  const places = { packages: join(folder, 'node_modules'), submission: join(folder, 'submission') };
  const compiled = join(places.packages, '@tensorflow/tfjs-node-gpu/lib/napi-v8');
  const library = join(folder, 'library');
  const binding = join(compiled, 'tfjs_binding.json');
  expect(runtimeIsReady(places, processor)).toBe(false);

  for (const each of [compiled, library, places.submission]) await mkdir(each, { recursive: true });
  await writeFile(binding, JSON.stringify({ library }));
  const parts = [
    ...['tfjs_binding', 'haet_quiet_load', ...nativeOps].map((name) => join(compiled, `${name}.node`)),
    join(places.submission, 'haet.json'),
  ];
  for (const part of parts) await writeFile(part, '');
  expect(runtimeIsReady(places, processor)).toBe(true);
  expect(tensorflowFolder(places.packages)).toBe(library);

  for (const part of parts) {
    await rm(part);
    expect(runtimeIsReady(places, processor)).toBe(false);
    await writeFile(part, '');
  }
  await rm(library, { recursive: true });
  expect(runtimeIsReady(places, processor)).toBe(false);
  expect(tensorflowFolder(places.packages)).toBeNull();
});
