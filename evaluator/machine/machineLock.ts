import { closeSync, constants, fchmodSync, fstatSync, openSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../../datasets/userError.ts';
import { takeLock } from './takeLock.ts';

const lockFile = 'haet-machine.lock';
/** Folders where every user can create a file that others cannot remove. */
const places = ['/run/lock', '/tmp'];
/** A process that only checks the lock holds it for milliseconds. */
const patienceSeconds = 0.5;
const { O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK } = constants;

/** Why the machine could not be locked. */
export interface Unlockable {
  readonly fault: string;
}

/**
 * Locks this machine, so that only one timed run is active, whichever user starts it. In a container, the lock is the
 * container's own.
 * @param folders candidates for the lock file's folder; the first one that is writable by all users is used
 * @returns a function that releases the lock, or why locking is not possible
 * @throws UserError if another process holds it
 */
export function lockMachine(folders: readonly string[] = places): (() => void) | Unlockable {
  const opened = openLock(folders);
  if (typeof opened !== 'number') return opened;
  const { taken, holder, fault } = takeLock(opened, patienceSeconds);
  if (taken) return () => closeSync(opened);
  closeSync(opened);
  if (fault !== null) return { fault };
  throw new UserError(
    `process ${holder} is timing a run on this machine; two runs would disturb each other. Wait until it ends.`,
  );
}

/** Returns the process id of the holder of the machine lock; null if it is free. */
export function machineLockHolder(folders: readonly string[] = places): string | null {
  const opened = openLock(folders);
  if (typeof opened !== 'number') return null;
  const { taken, holder, fault } = takeLock(opened);
  closeSync(opened);
  return taken || fault !== null ? null : holder;
}

/** Any user may have created the file or replaced it: links are not followed and pipes do not block. */
function openLock(folders: readonly string[]): number | Unlockable {
  const folder = folders.find(isForAll);
  if (folder === undefined) return { fault: `none of ${folders.join(', ')} is writable by all users` };
  const path = join(folder, lockFile);
  try {
    const file = openOrMake(path);
    const facts = fstatSync(file);
    if (facts.isFile() && facts.nlink === 1) return file;
    closeSync(file);
    return { fault: `${path} is not a regular file with one name; remove it` };
  } catch (error) {
    return { fault: `${path}: ${(error as NodeJS.ErrnoException).code}` };
  }
}

/** Opens an existing file without O_CREAT, which Linux refuses for files of other users (fs.protected_regular). */
function openOrMake(path: string): number {
  const flags = O_RDWR | O_NOFOLLOW | O_NONBLOCK;
  try {
    return openSync(path, flags);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  try {
    const file = openSync(path, flags | O_CREAT | O_EXCL, 0o666);
    fchmodSync(file, 0o666); // undoes the umask
    return file;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return openSync(path, flags);
  }
}

/** Whether every user can create files in a folder and cannot remove those of others. */
function isForAll(folder: string): boolean {
  const facts = statSync(folder, { throwIfNoEntry: false });
  return facts?.isDirectory() === true && (facts.mode & 0o1777) === 0o1777;
}
