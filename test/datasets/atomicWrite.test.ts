import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { createFile, replaceFile } from '../../datasets/atomicWrite.ts';
import { UserError } from '../../datasets/userError.ts';
import { temporaryFolder } from './temporaryFolder.ts';

const folder = temporaryFolder();
const file = () => join(folder.path, 'file');

describe('a new file', () => {
  test('is written with its mode, and leaves nothing else', async () => {
    await createFile(file(), 'text', 0o600);
    expect(await readFile(file(), 'utf8')).toBe('text');
    expect((await stat(file())).mode & 0o777).toBe(0o600);
    expect(await readdir(folder.path)).toEqual(['file']);
  });

  test('never replaces a file, a link, or the target of a link', async () => {
    await writeFile(file(), 'before');
    await expect(createFile(file(), 'text')).rejects.toThrow(UserError);
    const link = join(folder.path, 'link');
    await symlink(join(folder.path, 'elsewhere'), link);
    await expect(createFile(link, 'text')).rejects.toThrow(/never overwritten/);
    expect(await readFile(file(), 'utf8')).toBe('before');
    expect(await readdir(folder.path)).toEqual(['file', 'link']);
  });

  test('has the complete content of one writer if several write it at once', async () => {
    const texts = Array.from({ length: 8 }, (_, index) => `${index}`.repeat(50_000));
    const ends = await Promise.allSettled(texts.map((text) => createFile(file(), text)));
    expect(ends.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const winner = ends.findIndex(({ status }) => status === 'fulfilled');
    expect(await readFile(file(), 'utf8')).toBe(texts[winner]);
    expect(await readdir(folder.path)).toEqual(['file']);
  });

  test('is rejected in a folder that does not exist', async () => {
    await expect(createFile(join(folder.path, 'no', 'file'), 'text')).rejects.toThrow(
      /cannot be written \(ENOENT\)/,
    );
  });
});

describe('a file that is replaced', () => {
  test('has the new content and its mode, and leaves nothing else', async () => {
    await writeFile(file(), 'before');
    await replaceFile(file(), 'after', 0o600);
    expect(await readFile(file(), 'utf8')).toBe('after');
    expect((await stat(file())).mode & 0o777).toBe(0o600);
    expect(await readdir(folder.path)).toEqual(['file']);
  });

  test('is not written through a link or into a folder in the place of the temporary file', async () => {
    const bystander = join(folder.path, 'bystander');
    await writeFile(bystander, 'untouched');
    await symlink(bystander, `${file()}.part`);
    await replaceFile(file(), 'first');
    expect(await readFile(bystander, 'utf8')).toBe('untouched');
    await mkdir(join(`${file()}.part`, 'within'), { recursive: true });
    await replaceFile(file(), 'second');
    expect(await readFile(file(), 'utf8')).toBe('second');
    expect(await readdir(folder.path)).toEqual(['bystander', 'file']);
  });

  test('keeps its content if the new file cannot replace it', async () => {
    await mkdir(join(file(), 'within'), { recursive: true });
    await expect(replaceFile(file(), 'text')).rejects.toThrow(/EISDIR|ENOTEMPTY|EEXIST/);
    expect(await readdir(folder.path)).toEqual(['file']);
  });
});
