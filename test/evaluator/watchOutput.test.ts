import { mkdir, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { exceeds, watchOutput } from '../../evaluator/watchOutput.ts';
import { temporaryFolder } from './fixtures.ts';

let folder: string;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => rm(folder, { recursive: true, force: true }));
const roomy = { bytes: 2 ** 30, files: 1000 };

test('bytes count on whatever level they lie, as far as they fill the disk', async () => {
  await mkdir(join(folder, 'a/b'), { recursive: true });
  await writeFile(join(folder, 'a/b/c'), Buffer.alloc(100_000, 1));
  expect(await exceeds(folder, { ...roomy, bytes: 99_000 })).toBe(true);
  expect(await exceeds(folder, { ...roomy, bytes: 200_000 })).toBe(false);
  await writeFile(join(folder, 'sparse'), '');
  await truncate(join(folder, 'sparse'), 2 ** 40);
  expect(await exceeds(folder, { ...roomy, bytes: 200_000 })).toBe(false);
});

test('files and folders count, empty ones too', async () => {
  for (let index = 0; index < 5; index += 1) await mkdir(join(folder, `d${index}`));
  expect(await exceeds(folder, { ...roomy, files: 5 })).toBe(false);
  expect(await exceeds(folder, { ...roomy, files: 4 })).toBe(true);
});

test('a folder that is gone holds nothing', async () => {
  expect(await exceeds(join(folder, 'nowhere'), roomy)).toBe(false);
});

test('the watch says so soon after a folder went beyond, and is silent before', async () => {
  const watch = watchOutput(folder, { ...roomy, files: 2 });
  await writeFile(join(folder, 'one'), '');
  expect(watch.full.aborted).toBe(false);
  const told = new Promise((resolve) => watch.full.addEventListener('abort', resolve));
  await writeFile(join(folder, 'two'), '');
  await writeFile(join(folder, 'three'), '');
  await told;
  watch.stop();
});
