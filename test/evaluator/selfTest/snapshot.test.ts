import { mkdirSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { differences, takeSnapshot } from '../../../evaluator/selfTest/snapshot.ts';
import { temporaryFolder } from '../fixtures.ts';

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await temporaryFolder();
  mkdirSync(join(folder, 'inner'));
  file = join(folder, 'inner/file');
  writeFileSync(file, 'content');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Returns the differences after an action. */
async function after(action: () => void): Promise<string[]> {
  const before = await takeSnapshot(folder);
  await sleep(20); // file system timestamps are coarse
  action();
  return differences(before, await takeSnapshot(folder));
}

test('without changes nothing differs', async () => {
  expect(await after(() => {})).toEqual([]);
});

test('names what was created, changed and removed', async () => {
  const inner = join(folder, 'inner');
  expect(await after(() => writeFileSync(join(inner, 'new'), ''))).toEqual([
    `${inner} was changed`,
    `${join(inner, 'new')} was made`,
  ]);
  expect(await after(() => writeFileSync(file, 'other'))).toEqual([`${file} was changed`]);
  expect(await after(() => rmSync(join(inner, 'new')))).toContain(`${join(inner, 'new')} was removed`);
});

test('detects a change of the same length with restored times', async () => {
  const { atime, mtime } = statSync(file);
  const found = await after(() => {
    writeFileSync(file, 'CONTENT');
    utimesSync(file, atime, mtime);
  });
  expect(found).toEqual([`${file} was changed`]);
});

test('detects a link in the place of a file, and does not follow it', async () => {
  const found = await after(() => {
    rmSync(file);
    symlinkSync('/', file);
  });
  expect(found).toContain(`${file} was changed`);
  expect(found).toHaveLength(2);
});

test('skips excluded folders', async () => {
  const before = await takeSnapshot(folder, [join(folder, 'inner')]);
  expect([...before.keys()]).toEqual([]);
});
