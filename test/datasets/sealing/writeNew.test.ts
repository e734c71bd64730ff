import { readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { writeNew } from '../../../datasets/sealing/writeNew.ts';
import { UserError } from '../../../datasets/userError.ts';
import { temporaryFolder } from '../temporaryFolder.ts';

const folder = temporaryFolder();
const file = () => join(folder.path, 'file');

test('a file is written with its mode, and nothing else is left', async () => {
  await writeNew(file(), 'text', 0o600);
  expect(await readFile(file(), 'utf8')).toBe('text');
  expect((await stat(file())).mode & 0o777).toBe(0o600);
  expect(await readdir(folder.path)).toEqual(['file']);
});

test('what is there stays, a link and what it points to as well', async () => {
  await writeFile(file(), 'before');
  await expect(writeNew(file(), 'text')).rejects.toThrow(UserError);
  const link = join(folder.path, 'link');
  await symlink(join(folder.path, 'elsewhere'), link);
  await expect(writeNew(link, 'text')).rejects.toThrow(/never overwritten/);
  expect(await readFile(file(), 'utf8')).toBe('before');
  expect(await readdir(folder.path)).toEqual(['file', 'link']);
});

test('of several that write the same file at once one wins, and it is whole', async () => {
  const texts = Array.from({ length: 8 }, (_, index) => `${index}`.repeat(50_000));
  const ends = await Promise.allSettled(texts.map((text) => writeNew(file(), text)));
  expect(ends.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  const winner = ends.findIndex(({ status }) => status === 'fulfilled');
  expect(await readFile(file(), 'utf8')).toBe(texts[winner]);
  expect(await readdir(folder.path)).toEqual(['file']);
});

test('a place that is not there is told', async () => {
  await expect(writeNew(join(folder.path, 'no', 'file'), 'text')).rejects.toThrow(
    /cannot be written \(ENOENT\)/,
  );
});
