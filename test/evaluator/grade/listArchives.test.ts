import { createHash } from 'node:crypto';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { UserError } from '../../../datasets/userError.ts';
import { listArchives } from '../../../evaluator/grade/listArchives.ts';
import { temporaryFolder } from '../../datasets/temporaryFolder.ts';

const folder = temporaryFolder();
const put = (name: string) => writeFile(join(folder.path, name), name);

test('regular files with an archive’s name are listed by code unit, with hash; all others are named', async () => {
  for (const name of ['b.tgz', 'a.tar.gz', 'Z.tar', 'é.tar', 'notes.txt', 'a.zip', '.tar.txt'])
    await put(name);
  await mkdir(join(folder.path, 'folder.tar'));
  await symlink(join(folder.path, 'Z.tar'), join(folder.path, 'link.tar'));
  const { archives, others } = await listArchives(folder.path);
  expect(archives.map((each) => each.file)).toEqual(['Z.tar', 'a.tar.gz', 'b.tgz', 'é.tar']);
  expect(archives[1]).toEqual({
    file: 'a.tar.gz',
    path: join(folder.path, 'a.tar.gz'),
    sha256: createHash('sha256').update('a.tar.gz').digest('hex'),
  });
  expect(others).toEqual(['.tar.txt', 'a.zip', 'folder.tar', 'link.tar', 'notes.txt']);
});

test('an archive whose name is not UTF-8 is skipped and named, the others are listed', async () => {
  await put('good.tar');
  await writeFile(
    Buffer.concat([Buffer.from(`${folder.path}/caf`), Buffer.from([0xe9]), Buffer.from('.tar')]),
    'x',
  );
  const { archives, others } = await listArchives(folder.path);
  expect(archives.map((each) => each.file)).toEqual(['good.tar']);
  expect(others).toEqual(['"caf?.tar" (a name that is not UTF-8: rename it)']);
});

test('a folder without archives, or a missing one, is reported as a mistake', async () => {
  await put('a.zip');
  await expect(listArchives(folder.path)).rejects.toThrow(UserError);
  await expect(listArchives(folder.path)).rejects.toThrow(`${folder.path}: contains no archive`);
  await expect(listArchives(join(folder.path, 'none'))).rejects.toThrow('none: cannot be read (ENOENT)');
  await expect(listArchives(join(folder.path, 'a.zip'))).rejects.toThrow('ENOTDIR');
});
