import { execFileSync } from 'node:child_process';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { requireEntry } from '../../cli/requireEntry.ts';
import { UserError } from '../../datasets/userError.ts';
import { temporaryFolder } from '../datasets/temporaryFolder.ts';

const folder = temporaryFolder();
const at = (name: string) => join(folder.path, name);

async function entry(name: string): Promise<string> {
  await mkdir(at(name));
  await writeFile(join(at(name), 'haet.json'), '{}');
  return at(name);
}

async function refusal(path: string): Promise<string> {
  const error = await requireEntry(path).catch((thrown) => thrown);
  expect(error).toBeInstanceOf(UserError);
  return error.message;
}

test('a folder and an archive are accepted, also behind a link, whatever is in haet.json', async () => {
  await entry('mine');
  await writeFile(at('archive.zip'), '');
  await symlink('mine', at('link'));
  await symlink('archive.zip', at('link.zip'));
  await symlink('/etc/passwd', at('mine/link-in-it'));
  expect(await requireEntry(at('link'))).toBe(at('mine'));
  expect(await requireEntry(at('link.zip'))).toBe(at('archive.zip'));
});

test('what is not an entry is named, with what to do', async () => {
  execFileSync('mkfifo', [at('pipe.tar.gz')]);
  await symlink('loop', at('loop'));
  await mkdir(at('empty'));
  await mkdir(at('around'));
  await entry('around/inner');
  expect(await refusal(at('nowhere'))).toBe(
    `${at('nowhere')}: no such entry. Give the folder or the archive of an entry.`,
  );
  expect(await refusal(at('pipe.tar.gz'))).toContain('pipe.tar.gz: is neither a folder nor a regular file');
  expect(await refusal(at('loop'))).toContain('loop: cannot be read (ELOOP: symbolic links form a loop)');
  expect(await refusal(at('empty'))).toContain('empty/haet.json: cannot be read (ENOENT)');
  expect(await refusal(at('around'))).toContain('it lies in the folder "inner"');
});

test.each<[string, (path: string) => unknown, string]>([
  [
    'a name that is not UTF-8',
    (path) => writeFile(Buffer.concat([Buffer.from(`${path}/caf`), Buffer.from([0xe9])]), 'x'),
    'contains "caf?", a name that is not UTF-8; rename it',
  ],
  [
    'a pipe',
    (path) => execFileSync('mkfifo', [join(path, 'pipe')]),
    'contains "pipe", which is not a file, folder or link. Remove it.',
  ],
])('an entry that contains %s is refused before anything starts', async (_, spoil, named) => {
  const path = await entry('spoilt');
  await spoil(path);
  expect(await refusal(path)).toContain(named);
});
