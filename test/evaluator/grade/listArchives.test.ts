import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { UserError } from '../../../datasets/userError.ts';
import { listArchives } from '../../../evaluator/grade/listArchives.ts';
import { temporaryFolder } from '../../datasets/temporaryFolder.ts';

const folder = temporaryFolder();
const put = (name: string, data: string | Buffer = name) => writeFile(join(folder.path, name), data);

test('regular files with an archive’s name, in any case, are listed by code unit, with hash', async () => {
  const names = ['b.tgz', 'a.tar.gz', 'Z.tar', 'é.tar', 'c.TGZ', 'd.TAR.GZ', 'e.Zip', 'f.zip'];
  for (const name of names) await put(name);
  const { archives, leftOut } = await listArchives(folder.path);
  const expected = ['Z.tar', 'a.tar.gz', 'b.tgz', 'c.TGZ', 'd.TAR.GZ', 'e.Zip', 'f.zip', 'é.tar'];
  expect(archives.map((each) => each.file)).toEqual(expected);
  expect(archives[1]).toEqual({
    file: 'a.tar.gz',
    path: join(folder.path, 'a.tar.gz'),
    sha256: createHash('sha256').update('a.tar.gz').digest('hex'),
  });
  expect(leftOut).toEqual([]);
});

test('everything else is listed with the reason, except the results and what systems leave behind', async () => {
  await put('good.tar');
  await put('notes.txt');
  await put('team.7z', Buffer.from('377abcaf271c0000', 'hex'));
  await put('team.tar.xz', Buffer.from('fd377a585a000000', 'hex'));
  await put('team.zip.part', Buffer.from('504b030400000000', 'hex'));
  await put('void.gz', '');
  await put('noise', Buffer.from('00ff00ff', 'hex'));
  await mkdir(join(folder.path, 'folder.tar'));
  await symlink(join(folder.path, 'good.tar'), join(folder.path, 'link.tar'));
  execFileSync('mkfifo', [join(folder.path, 'pipe.tar')]);
  await writeFile(
    Buffer.concat([Buffer.from(`${folder.path}/caf`), Buffer.from([0xe9]), Buffer.from('.tar')]),
    'x',
  );
  for (const name of ['.DS_Store', '._good.tar', 'Thumbs.db', 'desktop.ini']) await put(name);
  await mkdir(join(folder.path, '__MACOSX'));
  await mkdir(join(folder.path, 'graded/2026'), { recursive: true });
  const { archives, leftOut } = await listArchives(folder.path, join(folder.path, 'graded/2026'));
  expect(archives.map((each) => each.file)).toEqual(['good.tar']);
  const ending = 'its name does not end in .tar, .tar.gz, .tgz or .zip';
  expect(leftOut).toEqual([
    { file: '"caf?.tar"', reason: 'its name is not UTF-8' },
    { file: 'folder.tar', reason: 'a folder, not an archive' },
    { file: 'link.tar', reason: 'not a regular file' },
    { file: 'noise', reason: ending },
    { file: 'notes.txt', reason: `${ending}; this is a text file` },
    { file: 'pipe.tar', reason: 'not a regular file' },
    { file: 'team.7z', reason: `${ending}; this is a 7z archive` },
    { file: 'team.tar.xz', reason: `${ending}; this is compressed by xz` },
    { file: 'team.zip.part', reason: `${ending}; this is a ZIP` },
    { file: 'void.gz', reason: `${ending}; this is an empty file` },
  ]);
});

test('archives with one name in two forms are listed as refused, unless they are the same bytes', async () => {
  const files = { 'a.zip': '1', 'a.tar.gz': '2', 'a.TGZ': '3', 'b.tgz': '4', 'b.tar.gz': '4', 'A.zip': '5' };
  for (const [name, data] of Object.entries(files)) await put(name, data);
  const { archives } = await listArchives(folder.path);
  const refused = (others: string) =>
    `not run: ${others} has the same name in another form, and only one of them can be the entry; remove the others`;
  expect(archives.map(({ file, refused }) => [file, refused])).toEqual([
    ['A.zip', undefined],
    ['a.TGZ', refused('a.tar.gz, a.zip')],
    ['a.tar.gz', refused('a.TGZ, a.zip')],
    ['a.zip', refused('a.TGZ, a.tar.gz')],
    ['b.tar.gz', undefined],
    ['b.tgz', undefined],
  ]);
});

test('a folder without archives, or a missing one, is reported as a mistake, with what is in it', async () => {
  await put('a.rar', Buffer.from('526172211a0700', 'hex'));
  const error = await listArchives(folder.path).catch((thrown) => thrown);
  expect(error).toBeInstanceOf(UserError);
  expect(error.message).toContain(`${folder.path}: contains no archive`);
  expect(error.details).toEqual([expect.stringContaining('a.rar: ')]);
  await expect(listArchives(join(folder.path, 'none'))).rejects.toThrow('none: cannot be read (ENOENT)');
  await expect(listArchives(join(folder.path, 'a.rar'))).rejects.toThrow('ENOTDIR');
});
