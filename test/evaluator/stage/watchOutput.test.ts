import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, open, rm, truncate, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { namelessBytes } from '../../../evaluator/stage/namelessFiles.ts';
import { exceeds, watchOutput } from '../../../evaluator/stage/watchOutput.ts';
import { temporaryFolder } from '../fixtures.ts';

let folder: string;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => rm(folder, { recursive: true, force: true }));
const roomy = { bytes: 2 ** 30, files: 1000 };

test('counts bytes at any depth by the disk space that they use', async () => {
  await mkdir(join(folder, 'a/b'), { recursive: true });
  await writeFile(join(folder, 'a/b/c'), Buffer.alloc(100_000, 1));
  expect(await exceeds(folder, { ...roomy, bytes: 99_000 })).toBe(true);
  expect(await exceeds(folder, { ...roomy, bytes: 200_000 })).toBe(false);
  await writeFile(join(folder, 'sparse'), '');
  await truncate(join(folder, 'sparse'), 2 ** 40);
  expect(await exceeds(folder, { ...roomy, bytes: 200_000 })).toBe(false);
});

test('counts bytes in files and folders with names that are not UTF-8', async () => {
  const name = Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0xff, 0xfe])]);
  await mkdir(name);
  await writeFile(Buffer.concat([name, Buffer.from('/file')]), Buffer.alloc(100_000, 1));
  expect(await exceeds(folder, { ...roomy, bytes: 99_000 })).toBe(true);
  expect(await exceeds(folder, { ...roomy, files: 1 })).toBe(true);
});

test('counts files and folders, also empty ones', async () => {
  for (let index = 0; index < 5; index += 1) await mkdir(join(folder, `d${index}`));
  expect(await exceeds(folder, { ...roomy, files: 5 })).toBe(false);
  expect(await exceeds(folder, { ...roomy, files: 4 })).toBe(true);
});

test('counts nothing in a folder that is gone', async () => {
  expect(await exceeds(join(folder, 'nowhere'), roomy)).toBe(false);
});

/** Runs a function without the rights of root, which can open any folder. */
async function withoutRoot<Result>(act: () => Promise<Result>): Promise<Result> {
  const isRoot = process.getuid!() === 0;
  if (isRoot) process.seteuid!(65_534);
  try {
    return await act();
  } finally {
    if (isRoot) process.seteuid!(0);
  }
}

describe('a folder without permissions', () => {
  let inner: string;
  beforeEach(async () => {
    await chmod(folder, 0o755);
    inner = join(folder, 'inner');
    await mkdir(inner);
    await writeFile(join(inner, 'file'), '');
  });
  afterEach(async () => {
    await chmod(folder, 0o755);
    await chmod(inner, 0o755);
  });
  const cannotBe = [
    ['listed', 0o300],
    ['entered', 0o444],
  ] as const;

  test.each(cannotBe)('below the watched one that cannot be %s exceeds the limit', async (_, mode) => {
    expect(await withoutRoot(() => exceeds(folder, roomy))).toBe(false);
    await chmod(inner, mode);
    expect(await withoutRoot(() => exceeds(folder, roomy))).toBe(true);
  });

  test.each(cannotBe)('that is the watched one and cannot be %s is empty', async (_, mode) => {
    await chmod(folder, mode);
    expect(await withoutRoot(() => exceeds(folder, roomy))).toBe(false);
  });
});

test('the watch reports soon after a folder exceeds its limit, and not before', async () => {
  const watch = watchOutput(folder, { ...roomy, files: 2 });
  await writeFile(join(folder, 'one'), '');
  expect(watch.full.aborted).toBe(false);
  const told = new Promise((resolve) => watch.full.addEventListener('abort', resolve));
  await writeFile(join(folder, 'two'), '');
  await writeFile(join(folder, 'three'), '');
  await told;
  watch.stop();
});

const nameless = (device: number) => namelessBytes('/proc', [process.pid], device);

test('the watch sees the space of a removed file that the entry still has open', async () => {
  const file = await open(join(folder, 'nameless'), 'w');
  await unlink(join(folder, 'nameless'));
  const watch = watchOutput(folder, { ...roomy, bytes: 8 * 2 ** 20 }, nameless);
  const told = new Promise((resolve) => watch.full.addEventListener('abort', resolve));
  await file.write(Buffer.alloc(16 * 2 ** 20, 1));
  await told;
  watch.stop();
  await file.close();
});

test('the watch does not stop an entry while others fill its disk, however much they write', async () => {
  const others = spawn('sh', [
    '-c',
    `exec 3>${folder}-others; rm ${folder}-others; head -c 2200000000 /dev/zero >&3; sleep 1`,
  ]);
  const watch = watchOutput(folder, roomy, nameless);
  await once(others, 'exit');
  await sleep(300);
  watch.stop();
  expect(watch.full.aborted).toBe(false);
});

test('the watch ignores a watched folder that is removed', async () => {
  const watch = watchOutput(folder, roomy);
  await rm(folder, { recursive: true });
  await sleep(600);
  watch.stop();
  expect(watch.full.aborted).toBe(false);
});
