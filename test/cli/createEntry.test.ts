import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { createEntry } from '../../cli/createEntry.ts';
import { temporaryFolder } from '../datasets/temporaryFolder.ts';

const folder = temporaryFolder();
const at = (...names: string[]) => join(folder.path, ...names);
const files = new Map(
  ['haet.json', 'README.md', 'train.sh'].map((name) => [name, Buffer.from(`of ${name}`)]),
);
const unwritable = new Map([...files, ['x'.repeat(300), Buffer.from('')]]);
const contentOf = async (path: string) =>
  Object.fromEntries(
    await Promise.all(
      (await readdir(path)).map(async (name) => [name, await readFile(join(path, name), 'utf8')]),
    ),
  );
const complete = { 'haet.json': 'of haet.json', 'README.md': 'of README.md', 'train.sh': 'of train.sh' };

test('creates a new folder, with its parents', async () => {
  await createEntry(at('a/b'), files);
  expect(await contentOf(at('a/b'))).toEqual(complete);
  expect(await readdir(at('a'))).toEqual(['b']);
});

test('fills an empty folder in place, so that a shell in it sees the files', async () => {
  await mkdir(at('empty'), { mode: 0o750 });
  await symlink('empty', at('link'));
  const before = await stat(at('empty'));
  await createEntry(at('link'), files);
  expect(await contentOf(at('empty'))).toEqual(complete);
  const { ino, mode } = await stat(at('empty'));
  expect({ ino, mode }).toEqual({ ino: before.ino, mode: before.mode });
});

test('refuses a folder with anything in it, or a file, and changes nothing', async () => {
  await mkdir(at('full'));
  await writeFile(at('full', '.hidden'), 'mine');
  await expect(createEntry(at('full'), files)).rejects.toThrow(
    `DIR ${at('full')}: exists and is not empty (1 entries, such as .hidden)`,
  );
  expect(await contentOf(at('full'))).toEqual({ '.hidden': 'mine' });
  await expect(createEntry(at('full', '.hidden'), files)).rejects.toThrow('exists and is not a folder');
  expect(await contentOf(at('full'))).toEqual({ '.hidden': 'mine' });
});

test('leaves nothing after an error', async () => {
  await expect(createEntry(at('new'), unwritable)).rejects.toThrow(
    `DIR ${at('new')}: could not be written (ENAMETOOLONG), and nothing was left there`,
  );
  await mkdir(at('empty'));
  await expect(createEntry(at('empty'), unwritable)).rejects.toThrow('could not be written (ENAMETOOLONG)');
  expect(await readdir(folder.path)).toEqual(['empty']);
  expect(await readdir(at('empty'))).toEqual([]);
});

test.each(['new', 'empty'])('of several at once in a folder that is %s, one succeeds', async (name) => {
  if (name === 'empty') await mkdir(at(name));
  const settled = await Promise.allSettled(Array.from({ length: 5 }, () => createEntry(at(name), files)));
  expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  expect(await contentOf(at(name))).toEqual(complete);
});
