import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../../datasets/userError.ts';
import { takeLock } from './takeLock.ts';

const lockFile = '.lock';

/**
 * Locks a folder, so that one process works in it at a time. The lock file stays and names the last holder.
 * @returns a function that releases the lock
 * @throws UserError if another process holds it, or the folder cannot be locked
 */
export function lockFolder(folder: string): () => void {
  const path = join(folder, lockFile);
  const file = openLock(path);
  const { taken, holder, fault } = takeLock(file);
  if (taken) return () => closeSync(file);
  closeSync(file);
  throw new UserError(
    fault === null
      ? `${folder}: in use by process ${holder}. Wait until it ends, or give another folder.`
      : `${path}: cannot be locked (${fault}). Install util-linux, and give a folder on a file system with file locks.`,
  );
}

function openLock(path: string): number {
  try {
    return openSync(path, 'a+', 0o644);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new UserError({
      path,
      reason: `cannot be written (${code})`,
      remedy: 'Give a writable folder.',
    });
  }
}
