import { spawnSync } from 'node:child_process';
import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../../datasets/userError.ts';

const lockFile = '.lock';
const heldByAnother = 1; // exit status of flock(1)

/**
 * Takes the lock of a folder, that one process works in it at a time.
 *
 * It is a lock of the kernel, flock(2): it belongs to the open file, so flock(1) takes it on the one that we opened and
 * ends, and it goes when we close that file or die, however we die. There is no stale lock to be told from a live one.
 * The file itself stays; it names the last holder.
 * @returns gives the lock back
 * @throws UserError when another process holds it, or the folder cannot be locked
 */
export function lockFolder(folder: string): () => void {
  const path = join(folder, lockFile);
  const file = openLock(path);
  const taken = spawnSync('flock', ['-x', '-n', '3'], {
    stdio: ['ignore', 'ignore', 'pipe', file],
    encoding: 'utf8',
  });
  if (taken.status !== 0) {
    closeSync(file);
    if (taken.status === heldByAnother) {
      const holder = readFileSync(path, 'utf8').trim();
      throw new UserError(
        `${folder}: process ${holder || '(unknown)'} is at work there. Wait for it to end, or give another folder.`,
      );
    }
    throw new UserError(
      `${path}: cannot be locked (${taken.error?.message ?? taken.stderr.trim()}). Install util-linux, and give a folder on a disk that knows file locks.`,
    );
  }
  ftruncateSync(file);
  writeSync(file, `${process.pid}\n`);
  return () => closeSync(file);
}

function openLock(path: string): number {
  try {
    return openSync(path, 'a', 0o644);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new UserError(`${path}: cannot be written (${code}). Give a folder that you may write to.`);
  }
}
