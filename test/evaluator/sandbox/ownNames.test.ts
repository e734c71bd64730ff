import { chownSync, existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterEach, expect, test } from '@jest/globals';
import { execa } from 'execa';
import {
  isLeftBehind,
  makeOwnFolder,
  memoryFolder,
  ownName,
  ownPrefix,
  sweepOwnFolders,
} from '../../../evaluator/sandbox/ownNames.ts';
import { makeOpenedFolder } from '../../../evaluator/stage/openedFolder.ts';

const noProcess = 2 ** 22 + 1; // beyond the largest process id of Linux
/** The name of a folder that a process of this namespace made that is gone. */
const leftName = (kind: string) => `haet-${kind}-${noProcess}-5-${ownPrefix(kind).split('-').at(-2)}-abcdef`;
const made: string[] = [];
afterEach(() => {
  for (const path of made.splice(0)) rmSync(path, { recursive: true, force: true });
});

test('names are unique, and none of a living process counts as left over', () => {
  const names = [ownName('stage'), ownName('stage')];
  expect(new Set(names).size).toBe(2);
  expect(names.filter(isLeftBehind)).toEqual([]);
});

test('a name is left over if its process is gone, also if its id was reused', () => {
  const [, , pid, start, namespace] = ownPrefix('stage').split('-');
  expect(isLeftBehind(`haet-stage-${noProcess}-5-${namespace}-1`)).toBe(true);
  expect(isLeftBehind(`haet-stage-${pid}-${Number(start) - 1}-${namespace}-1`)).toBe(true);
  expect(isLeftBehind(`haet-self-test-${noProcess}-5-${namespace}-abcdef`)).toBe(true);
});

test.each([
  'haet-machine.lock',
  'haet-test-abcdef',
  `haet-${noProcess}-5-1-1`,
  `other-${noProcess}-5-1-1`,
  `haet-stage-${noProcess}-5-1-1`,
])('%s is not one of our names', (name) => expect(isLeftBehind(name)).toBe(false));

test.each(['opened', 'images', 'dry', 'check', 'progress', 'profile', 'probe', 'self-test'])(
  'a folder of the kind %s is removed with its content when its process is gone',
  async (kind) => {
    const kept = await makeOwnFolder(kind);
    made.push(kept);
    const left = join(tmpdir(), leftName(kind));
    made.push(left);
    mkdirSync(join(left, 'below'), { recursive: true });
    writeFileSync(join(left, 'below/images.npy'), 'images');
    await sweepOwnFolders();
    expect(existsSync(left)).toBe(false);
    expect(existsSync(kept)).toBe(true);
    expect(statSync(kept).mode & 0o777).toBe(0o700);
  },
);

test('folders in memory are removed too', async () => {
  const kept = await makeOpenedFolder();
  made.push(kept);
  const left = join(dirname(kept), leftName('opened'));
  made.push(left);
  mkdirSync(left);
  await sweepOwnFolders();
  expect(readdirSync(dirname(kept))).toContain(basename(kept));
  expect(existsSync(left)).toBe(false);
  if (existsSync(memoryFolder)) expect(dirname(kept)).toBe(memoryFolder);
});

// Only root can mount, and give a folder to another user.
const asRoot = process.getuid?.() === 0 ? test : test.skip;

asRoot('a removal that was cut short is finished by the next sweep', async () => {
  const left = join(tmpdir(), leftName('images'));
  made.push(left);
  mkdirSync(join(left, 'below'), { recursive: true });
  // A file system that refuses to remove: what is mounted on it is in use.
  await execa('mount', ['-t', 'tmpfs', 'tmpfs', join(left, 'below')]);
  try {
    await sweepOwnFolders();
    expect(existsSync(left)).toBe(true);
  } finally {
    await execa('umount', [join(left, 'below')]);
  }
  await sweepOwnFolders();
  expect(existsSync(left)).toBe(false);
});

asRoot('the folder of another user under a name of ours is left alone', async () => {
  const planted = join(tmpdir(), leftName('images'));
  made.push(planted);
  mkdirSync(planted);
  chownSync(planted, 65534, 65534);
  await sweepOwnFolders();
  expect(existsSync(planted)).toBe(true);
});
