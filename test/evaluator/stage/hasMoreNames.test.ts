import { chmod, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { hasMoreNames } from '../../../evaluator/stage/hasMoreNames.ts';
import { temporaryFolder } from '../fixtures.ts';

let folder: string;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Returns how many names are counted: the smallest limit that is not exceeded. */
async function counted(): Promise<number> {
  for (let most = 0; ; most += 1) if (!(await hasMoreNames(folder, most))) return most;
}

test('counts files and folders at any depth, whatever their names', async () => {
  expect(await counted()).toBe(0);
  await mkdir(join(folder, 'a/b/c'), { recursive: true });
  await writeFile(join(folder, 'a/b/c/file'), '');
  const name = Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0xff, 0xfe])]);
  await mkdir(name);
  await writeFile(Buffer.concat([name, Buffer.from('/file')]), '');
  expect(await counted()).toBe(6);
});

test('counts a link once and does not follow it', async () => {
  await mkdir(join(folder, 'inner'));
  await symlink(folder, join(folder, 'inner/loop'));
  await symlink('/', join(folder, 'root'));
  expect(await counted()).toBe(3);
});

test('counts what can be seen beside a folder that is gone, is no folder or cannot be listed', async () => {
  await writeFile(join(folder, 'file'), '');
  await mkdir(join(folder, 'closed'));
  await writeFile(join(folder, 'closed/file'), '');
  await chmod(join(folder, 'closed'), 0);
  expect(await counted()).toBe(process.getuid!() === 0 ? 3 : 2);
  expect(await hasMoreNames(join(folder, 'file'), 0)).toBe(false);
  expect(await hasMoreNames(join(folder, 'gone'), 0)).toBe(false);
});
