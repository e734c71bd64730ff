import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from '@jest/globals';
import { UserError } from '../../../datasets/userError.ts';
import { lockFolder } from '../../../evaluator/machine/lockFolder.ts';
import { temporaryFolder } from '../../datasets/temporaryFolder.ts';

const folder = temporaryFolder();

/** A process that holds the lock, and a child of it that outlives it. */
const holder = (path: string) => `
  const { lockFolder } = await import(${JSON.stringify(pathToFileURL(resolve('dist/evaluator/machine/lockFolder.js')).href)});
  const { spawn } = await import('node:child_process');
  globalThis.unlock = lockFolder(${JSON.stringify(path)});
  const child = spawn('sleep', ['30'], { stdio: 'ignore', detached: true });
  process.stdout.write(String(child.pid));
  setInterval(() => {}, 1000);`;

async function startHolder() {
  const child = spawn(process.execPath, ['--input-type=module', '-e', holder(folder.path)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [pid] = await once(child.stdout, 'data');
  return { child, grandchild: Number(String(pid)) };
}

test('a second holder is rejected with the first one’s process id until it releases the lock', () => {
  const unlock = lockFolder(folder.path);
  expect(() => lockFolder(folder.path)).toThrow(UserError);
  expect(() => lockFolder(folder.path)).toThrow(`${folder.path}: in use by process ${process.pid}`);
  unlock();
  lockFolder(folder.path)();
});

test('the lock of a process killed by SIGKILL is free at once, although a child of it is alive', async () => {
  const { child, grandchild } = await startHolder();
  try {
    expect(() => lockFolder(folder.path)).toThrow(`in use by process ${child.pid}`);
    child.kill('SIGKILL');
    await once(child, 'exit');
    const unlock = lockFolder(folder.path);
    expect(await readFile(join(folder.path, '.lock'), 'utf8')).toBe(`${process.pid}\n`);
    unlock();
    expect(() => process.kill(grandchild, 0)).not.toThrow();
  } finally {
    child.kill('SIGKILL');
    process.kill(grandchild, 'SIGKILL');
  }
});

test('a stale lock file does not block', async () => {
  await writeFile(join(folder.path, '.lock'), '1\n');
  lockFolder(folder.path)();
});

test('a missing folder is named', () => {
  expect(() => lockFolder(join(folder.path, 'none'))).toThrow('none/.lock: cannot be written (ENOENT)');
});
