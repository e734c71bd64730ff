import { closeSync, constants, fchmodSync, fstatSync, openSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../../datasets/userError.ts';
import { takeLock } from './takeLock.ts';

const lockFile = 'haet-machine.lock';
/** Where every user of a machine may make a file that no other may remove; the same one for all of them. */
const places = ['/run/lock', '/tmp'];
/** Who only looks whether it is held holds it for some milliseconds. */
const patienceSeconds = 0.5;
const { O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK } = constants;

/** Why this machine could not be locked, where that is no mistake of a person. */
export interface Unlockable {
  readonly fault: string;
}

/**
 * Takes the lock of this machine, that one timed run goes on at a time, whoever starts it. In a container it is the
 * container's own.
 * @param folders where the lock's file may lie; the first that everybody may write to is taken
 * @returns gives the lock back; or why there is none to be had here
 * @throws UserError when another process holds it
 */
export function lockMachine(folders: readonly string[] = places): (() => void) | Unlockable {
  const opened = openLock(folders);
  if (typeof opened !== 'number') return opened;
  const { taken, holder, fault } = takeLock(opened, patienceSeconds);
  if (taken) return () => closeSync(opened);
  closeSync(opened);
  if (fault !== null) return { fault };
  throw new UserError(
    `process ${holder} times a run on this machine: two at once spoil each other. Wait for it to end.`,
  );
}

/** Process id of who holds the lock of this machine; null where nobody does. */
export function machineLockHolder(folders: readonly string[] = places): string | null {
  const opened = openLock(folders);
  if (typeof opened !== 'number') return null;
  const { taken, holder, fault } = takeLock(opened);
  closeSync(opened);
  return taken || fault !== null ? null : holder;
}

/** Anyone may have made the file, or put something else in its place: that is neither followed nor waited for. */
function openLock(folders: readonly string[]): number | Unlockable {
  const folder = folders.find(isForAll);
  if (folder === undefined)
    return { fault: `none of ${folders.join(', ')} is a folder that all may write to` };
  const path = join(folder, lockFile);
  try {
    const file = openOrMake(path);
    const facts = fstatSync(file);
    if (facts.isFile() && facts.nlink === 1) return file;
    closeSync(file);
    return { fault: `${path} is not a file of its own; remove it` };
  } catch (error) {
    return { fault: `${path}: ${(error as NodeJS.ErrnoException).code}` };
  }
}

/** Opens it without O_CREAT where it is there: Linux refuses that for a file of somebody else (fs.protected_regular). */
function openOrMake(path: string): number {
  const flags = O_RDWR | O_NOFOLLOW | O_NONBLOCK;
  try {
    return openSync(path, flags);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  try {
    const file = openSync(path, flags | O_CREAT | O_EXCL, 0o666);
    fchmodSync(file, 0o666); // the umask took some of it
    return file;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return openSync(path, flags);
  }
}

/** Whether everybody may make files in a folder, and nobody may remove those of others. */
function isForAll(folder: string): boolean {
  const facts = statSync(folder, { throwIfNoEntry: false });
  return facts?.isDirectory() === true && (facts.mode & 0o1777) === 0o1777;
}
