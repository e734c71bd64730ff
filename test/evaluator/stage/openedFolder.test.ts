import { existsSync, statfsSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { becomeEntryUser, entryUser } from '../../../evaluator/sandbox/entryUser.ts';
import { makeOpenedFolder, writeOpened } from '../../../evaluator/stage/openedFolder.ts';

const isRoot = process.getuid?.() === 0;
const made: string[] = [];
afterEach(async () => {
  for (const folder of made.splice(0)) await rm(folder, { recursive: true, force: true });
});
async function opened(): Promise<{ folder: string; file: string }> {
  const folder = await makeOpenedFolder();
  made.push(folder);
  const file = join(folder, 'images.npy');
  await writeOpened(file, Buffer.from('images'));
  return { folder, file };
}

test('opened images are in memory, if this machine has a file system in memory', async () => {
  const { folder } = await opened();
  const tmpfs = 0x01021994;
  const hasMemory = existsSync('/dev/shm') && statfsSync('/dev/shm').type === tmpfs;
  expect(dirname(folder)).toBe(hasMemory ? '/dev/shm' : tmpdir());
});

(isRoot ? test : test.skip)(
  'the entry can read them; another user cannot read anything (needs root)',
  async () => {
    const { folder, file } = await opened();
    expect([folder, file].map((path) => statSync(path).mode & 0o777)).toEqual([0o710, 0o440]);
    const byEntry = await execa(becomeEntryUser[0], [...becomeEntryUser.slice(1), 'cat', file]);
    expect(byEntry.stdout).toBe('images');
    const words = ['--reuid=65534', '--regid=65534', '--clear-groups', '--', 'cat', file];
    expect((await execa('setpriv', words, { reject: false })).exitCode).toBe(1);
    const listed = [...becomeEntryUser.slice(1), 'ls', folder];
    expect((await execa(becomeEntryUser[0], listed, { reject: false })).exitCode).toBe(2);
    expect(statSync(file)).toMatchObject({ uid: 0, gid: entryUser });
  },
);
