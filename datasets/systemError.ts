import { existsSync, lstatSync, type Stats, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/** An error of the operating system, as Node reports it. */
export interface SystemError extends Error {
  readonly code: string;
  readonly syscall: string;
  readonly path?: string;
}

/**
 * Meanings of the system errors that a user can do something about. Others, such as EBADF or EINVAL, come from a fault
 * of the program.
 */
const meanings: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'not permitted',
  EROFS: 'the file system is read-only',
  ENOENT: 'does not exist',
  ENOTDIR: 'a part of the path is not a folder',
  EISDIR: 'is a folder',
  ELOOP: 'symbolic links form a loop',
  ENAMETOOLONG: 'the path, or a name in it, is too long',
  ENOSPC: 'no space is left on the disk',
  EDQUOT: 'the disk quota is used up',
  EFBIG: 'the file is larger than allowed',
  EMFILE: 'this process has too many open files',
  ENFILE: 'this machine has too many open files',
  ENOMEM: 'no memory is left',
  EAGAIN: 'this user has too many processes, or no memory is left',
  EIO: 'the disk failed',
  EREMOTEIO: 'the disk failed',
  ESTALE: 'the network file system lost it',
  ETIMEDOUT: 'the network file system does not answer',
  ENOTCONN: 'the file system is not mounted any more',
  ENODEV: 'the file system is not mounted any more',
};

/** Returns an error as a system error; null if it is another kind of error. */
export function asSystemError(error: unknown): SystemError | null {
  // Not by `instanceof`: Node's errors come from another realm where code runs in a context of its own.
  const { code, syscall } = Object(error) as Partial<SystemError>;
  return /^E[A-Z0-9]+$/.test(code ?? '') && typeof syscall === 'string' ? (error as SystemError) : null;
}

/** Returns what a code of a system error means; null if it is not one that a user can do something about. */
export function meaningOf(code: string): string | null {
  return meanings[code] ?? null;
}

/** Whether an error is about a missing permission, which the owner of the path can give. */
export function isDenied(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'EACCES' || code === 'EPERM';
}

/** Returns the code of an error with its meaning: `EROFS: the file system is read-only`. */
export function codeAndMeaning(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  const meaning = code === undefined ? null : meaningOf(code);
  return meaning === null ? (code ?? (error as Error).message) : `${code}: ${meaning}`;
}

/**
 * Returns who owns a path, or the nearest folder above it that exists, if it is not this user: `; /x belongs to user 0,
 * and you are user 1000`. Otherwise empty. Follows a statement about a missing permission.
 */
export function ownership(path: string, user = process.getuid?.()): string {
  let nearest = resolve(path);
  let facts = factsOf(nearest);
  while (facts === null && dirname(nearest) !== nearest) {
    nearest = dirname(nearest);
    facts = factsOf(nearest);
  }
  if (facts === null || user === undefined || facts.uid === user) return '';
  return `; ${nearest} belongs to user ${facts.uid}, and you are user ${user}`;
}

function factsOf(path: string): Stats | null {
  try {
    return existsSync(path) ? statSync(path) : lstatSync(path);
  } catch {
    return null;
  }
}
