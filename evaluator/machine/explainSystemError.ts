import { tmpdir } from 'node:os';
import { relative, resolve, sep } from 'node:path';
import { cacheFolder } from '../../datasets/cacheFolder.ts';
import {
  asSystemError,
  isDenied,
  meaningOf,
  ownership,
  type SystemError,
} from '../../datasets/systemError.ts';
import { UserError } from '../../datasets/userError.ts';
import { ownNamePattern, temporaryVariable } from './temporaryNames.ts';
import { projectFolder } from './version.ts';

/**
 * Returns a system error that no caller explained (a full disk, a folder that cannot be written, a limit of this user)
 * as an error that names the path and the remedy for that path; null for any other error, which is a fault of ours.
 */
export function explainSystemError(error: unknown): UserError | null {
  const missing = missingModule(error);
  if (missing !== null) return missing;
  const known = asSystemError(error);
  const meaning = known === null ? null : meaningOf(known.code);
  if (known === null || meaning === null) return null;
  const { code, syscall, path } = known;
  if (syscall.startsWith('spawn')) return unstarted(known, meaning);
  // Without a path there is nothing to look at, unless the error is about all files or disks.
  if (path === undefined && !withoutPath.includes(code)) return null;
  return new UserError(
    {
      path: path === undefined ? undefined : resolve(path),
      reason: `${meaning} (${code} at ${syscall})${path !== undefined && isDenied(error) ? ownership(path) : ''}`,
      remedy: remedyFor(code, path),
    },
    { cause: error },
  );
}

const withoutPath = ['ENOSPC', 'EDQUOT', 'EFBIG', 'EMFILE', 'ENFILE', 'ENOMEM', 'EIO', 'EREMOTEIO', 'ESTALE'];

/** A file of the program or of a package that is not there. */
function missingModule(error: unknown): UserError | null {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code !== 'ERR_MODULE_NOT_FOUND') return null;
  return new UserError(
    {
      path: projectFolder,
      reason: `is not set up completely (${message.split('\n')[0]})`,
      remedy: 'Run `npm run setup` there.',
    },
    { cause: error },
  );
}

function unstarted({ code, path, syscall }: SystemError, meaning: string): UserError {
  const program = path ?? syscall.replace(/^spawn ?/, '');
  const isAbsent = code === 'ENOENT';
  return new UserError({
    reason: `the program ${program} cannot be started (${code}: ${isAbsent ? 'not found' : meaning})`,
    remedy: isAbsent ? 'Install it, or add its folder to PATH.' : remedyFor(code, undefined),
  });
}

function remedyFor(code: string, path: string | undefined): string {
  return remedies[code] ?? elsewhere(code, path);
}

const checkDisk = 'Check the disk or network file system, and run the command again.';
const remedies: Readonly<Record<string, string>> = {
  EFBIG: 'Raise the limit with `ulimit -f unlimited`, or use a file system for larger files.',
  EMFILE: 'Raise the limit, for example with `ulimit -n 1024`.',
  ENFILE: 'End other programs.',
  ENOMEM: 'End other programs, or use a machine with more memory.',
  EAGAIN: 'Raise the limit with `ulimit -u`, or end other programs.',
  EIO: checkDisk,
  EREMOTEIO: checkDisk,
  ESTALE: checkDisk,
  ETIMEDOUT: checkDisk,
  ENOTCONN: checkDisk,
  ENODEV: checkDisk,
};

/** What to do depends on who chose the path: a variable, the clone, or an argument. */
function elsewhere(code: string, path: string | undefined): string {
  const isFull = code === 'ENOSPC' || code === 'EDQUOT';
  const room = isFull ? 'Free space there, or set' : 'Set';
  const kind = isFull ? 'a folder on another disk' : 'a folder that you can write to';
  if (path === undefined) return 'Free space on the disks of the output and of the temporary folder.';
  if (isOwnTemporary(path)) return `${room} ${temporaryVariable() ?? 'TMPDIR'} to ${kind}.`;
  if (isWithin(path, cacheOrNull())) return `${room} HAET_CACHE to ${kind}.`;
  if (isFull) return 'Free space there, or give a path on another disk.';
  if (isDenied({ code })) {
    return isWithin(path, projectFolder)
      ? `Let its owner run \`chmod -R go+rX ${projectFolder}\`, and give --out a folder of yours.`
      : 'Give a path of yours, or let its owner change the permissions.';
  }
  return code === 'ENOENT'
    ? 'Check the path; if nobody removed it, please report this.'
    : 'Give another path.';
}

/** Other paths below the temporary folder were chosen by the user. */
function isOwnTemporary(path: string): boolean {
  const below = relative(resolve(tmpdir()), resolve(path));
  return ownNamePattern.test(below);
}

function cacheOrNull(): string | null {
  try {
    return cacheFolder();
  } catch {
    return null;
  }
}

function isWithin(path: string, folder: string | null): boolean {
  if (folder === null) return false;
  const [inner, outer] = [resolve(path), resolve(folder)];
  return inner === outer || inner.startsWith(outer + sep);
}
