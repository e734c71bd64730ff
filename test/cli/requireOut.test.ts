import { spawnSync } from 'node:child_process';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { requireOut } from '../../cli/requireOut.ts';
import { UserError } from '../../datasets/userError.ts';
import { temporaryFolder } from '../datasets/temporaryFolder.ts';

const folder = temporaryFolder();
const at = (name: string) => join(folder.path, name);

async function refusal(out: string, entry?: string): Promise<string> {
  const error = await requireOut(out, entry).catch((thrown) => thrown);
  expect(error).toBeInstanceOf(UserError);
  expect(error.option).toBe('--out');
  return error.message;
}

test('any name of a folder is accepted, and nothing is created', async () => {
  for (const name of ['a,b', 'a:b', 'a\nb', 'a"b', 'a b\\', '=x', 'é', 'x'.repeat(255)]) {
    await requireOut(at(`new/${name}`));
    expect(spawnSync('ls', [folder.path]).stdout.toString()).toBe('');
  }
});

test('nothing, a file, a loop, a link to nowhere and a name that is too long are refused', async () => {
  await writeFile(at('file'), '');
  await symlink('loop', at('loop'));
  await symlink('nowhere', at('dangling'));
  expect(await refusal('')).toBe('--out: is empty. Give a folder.');
  expect(await refusal(at('file'))).toContain('ENOTDIR: a part of the path is not a folder');
  expect(await refusal(at('file/below'))).toContain('ENOTDIR');
  expect(await refusal(at('loop'))).toContain('ELOOP: symbolic links form a loop');
  expect(await refusal(at('dangling'))).toContain('ENOENT: does not exist');
  expect(await refusal(at(`new/${'é'.repeat(128)}`))).toContain('ENAMETOOLONG');
  expect(await refusal(at('20 characters here/'.repeat(210)))).toContain('ENAMETOOLONG');
});

test('a folder in the entry is refused, because its runs would become part of the entry', async () => {
  await mkdir(at('entry/runs'), { recursive: true });
  await mkdir(at('entry-beside'));
  await symlink('entry', at('link'));
  for (const out of ['entry', 'entry/runs', 'entry/new/deep', 'link/new']) {
    expect(await refusal(at(out), at('entry'))).toContain('lies in the entry');
    expect(await refusal(at(out), at('link'))).toContain('lies in the entry');
  }
  await requireOut(at('entry-beside/runs'), at('entry'));
  await writeFile(at('archive.zip'), '');
  await requireOut(at('runs'), at('archive.zip'));
});

// Only root may mount. A namespace of its own needs no unmounting.
const mounts = (options: string) =>
  spawnSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', '-o', options, 'tmpfs', '/mnt']).status === 0;
const canMount = mounts('size=64k') || process.env.HAET_EVERY_SANDBOX !== undefined;

(canMount ? test : test.skip)(
  'a disk without room for a run is refused (skipped without mounts)',
  async () => {
    for (const [options, named] of [
      ['size=64k', '65536 bytes are free on its disk'],
      ['nr_inodes=8', 'its disk has room for'],
      ['ro', 'EROFS: the file system is read-only'],
    ] as const) {
      await mkdir(at('disk'), { recursive: true });
      expect(spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', at('disk')]).status).toBe(0);
      try {
        expect(await refusal(at('disk/new'))).toContain(named);
      } finally {
        spawnSync('umount', [at('disk')]);
      }
    }
  },
);
