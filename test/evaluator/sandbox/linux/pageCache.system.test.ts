import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  statfsSync,
  symlinkSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { execa } from 'execa';
import { dropAll, dropFiles } from '../../../../evaluator/sandbox/linux/pageCache.ts';
import { temporaryFolder } from '../../fixtures.ts';

const folder = await temporaryFolder();
const megabyte = Buffer.alloc(2 ** 20, 7);

/** Writes a file that is on disk and also in memory. */
function put(...names: string[]): string {
  const path = join(folder, ...names);
  const file = openSync(path, 'w');
  writeSync(file, megabyte);
  fsyncSync(file);
  closeSync(file);
  return path;
}

/** Returns the bytes that had to be read from disk to read a file, measured in a program that does nothing else. */
async function fetched(path: string): Promise<number> {
  const script = `
    const { readFileSync } = require('node:fs');
    const count = () => Number(/^read_bytes: (\\d+)$/m.exec(readFileSync('/proc/self/io', 'latin1'))[1]);
    count();
    const before = count();
    readFileSync(process.argv[1]);
    console.log(count() - before);`;
  const { stdout } = await execa(process.execPath, ['-e', script, path]);
  return Number(stdout);
}

const tmpfs = 0x01021994; // pages of files that exist only in memory cannot be dropped
const onDisk = statfsSync(folder).type === tmpfs ? test.skip : test;
const { exitCode } = await execa('python3', ['-c', ''], { reject: false });
const withPython = exitCode === 0 ? onDisk : test.skip;
const asRoot = process.getuid?.() === 0 ? onDisk : test.skip;

withPython('removes the given files and folders from memory, and no others', async () => {
  mkdirSync(join(folder, 'named/deep'), { recursive: true });
  const dropped = [put('named/deep/file'), put('file')];
  const kept = put('kept');
  symlinkSync(kept, join(folder, 'named/link'));
  for (const path of [...dropped, kept]) expect(await fetched(path)).toBe(0);
  await dropFiles([join(folder, 'named'), join(folder, 'file'), join(folder, 'not-there')]);
  for (const path of dropped) expect(await fetched(path)).toBeGreaterThanOrEqual(megabyte.length);
  expect(await fetched(kept)).toBe(0);
});

asRoot('removes all files from memory, where root may do that', async () => {
  const path = put('any');
  expect(await fetched(path)).toBe(0);
  const refused = await dropAll().then(
    () => false,
    (error: NodeJS.ErrnoException) => error.code === 'EROFS' || error.code === 'EACCES',
  );
  // A container may deny this to its root user.
  if (!refused) expect(await fetched(path)).toBeGreaterThanOrEqual(megabyte.length);
  expect(readFileSync(path)).toEqual(megabyte);
});
