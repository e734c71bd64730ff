import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../../datasets/userError.ts';
import { takeLock } from '../machine/takeLock.ts';

const lockFile = '.lock';

/**
 * Takes the lock of a folder, that one process works in it at a time. The file itself stays; it names the last holder.
 * @returns gives the lock back
 * @throws UserError when another process holds it, or the folder cannot be locked
 */
export function lockFolder(folder: string): () => void {
  const path = join(folder, lockFile);
  const file = openLock(path);
  const { taken, holder, fault } = takeLock(file);
  if (taken) return () => closeSync(file);
  closeSync(file);
  throw new UserError(
    fault === null
      ? `${folder}: process ${holder} is at work there. Wait for it to end, or give another folder.`
      : `${path}: cannot be locked (${fault}). Install util-linux, and give a folder on a disk that knows file locks.`,
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
      remedy: 'Give a folder that you may write to.',
    });
  }
}
