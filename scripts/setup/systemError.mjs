import { isAbsolute, relative } from 'node:path';
import { findCause, quoteLine } from './failure.mjs';
import { cacheFolder } from './paths.mjs';

/**
 * Errors of the operating system that a user can fix. `elsewhere` is set if the same thing can work in another folder.
 * @type {{ pattern: RegExp, says: (place: string) => string, remedy: string, elsewhere?: boolean }[]}
 */
const kinds = [
  {
    pattern: /\bENOSPC\b|No space left on device|Errno 28\b/i,
    says: (place) => `The disk that holds ${place} is full`,
    remedy: 'free some space there',
    elsewhere: true,
  },
  {
    pattern: /\bEDQUOT\b|Disk quota exceeded/i,
    says: (place) => `Your disk quota for ${place} is used up`,
    remedy: 'free some space there',
    elsewhere: true,
  },
  {
    pattern: /\bEROFS\b|Read-only file system/i,
    says: (place) => `${place} is on a read-only file system`,
    remedy: 'make it writable',
    elsewhere: true,
  },
  {
    pattern: /\b(?:EACCES|EPERM)\b|Permission denied|Operation not permitted/i,
    says: (place) => `${place} cannot be written`,
    remedy: 'give yourself write permission',
    elsewhere: true,
  },
  {
    pattern: /\bENAMETOOLONG\b|File name too long/i,
    says: (place) => `The path ${place} is too long`,
    remedy: 'use a folder with a shorter path',
    elsewhere: true,
  },
  {
    pattern: /\bELOOP\b|Too many levels of symbolic links/i,
    says: (place) => `The symbolic links of ${place} form a loop`,
    remedy: 'remove the wrong one',
    elsewhere: true,
  },
  {
    pattern: /\bENOTDIR\b|Not a directory|EEXIST.*mkdir|ENOENT.*mkdir|Errno 17\b/i,
    says: (place) => `${place} or a folder above it is not a folder`,
    remedy: 'move away the file or broken link that is there',
    elsewhere: true,
  },
  {
    pattern: /uv_cwd|getcwd: cannot access/,
    says: () => 'The folder in which the command was started no longer exists',
    remedy: 'go to another folder',
  },
  {
    pattern: /\b(?:EMFILE|ENFILE)\b|Too many open files/i,
    says: () => 'Too many files are open',
    remedy: 'raise the limit (`ulimit -n 4096`) or end other programs',
  },
  {
    pattern: /\bEAGAIN\b|fork\w*: (?:retry: )?Resource temporarily unavailable/i,
    says: () => 'No further process could be started',
    remedy: 'end other programs or raise the limit of processes (`ulimit -u`)',
  },
  {
    pattern: /\bENOMEM\b|Cannot allocate memory|JavaScript heap out of memory/i,
    says: () => 'There was not enough memory',
    remedy: 'free some memory or raise the limit of this shell or container',
  },
  {
    pattern: /\bESTALE\b|Stale (?:NFS )?file handle/i,
    says: (place) => `The network file system of ${place} was changed or restarted meanwhile`,
    remedy: 'mount it again, or leave the folder and enter it again,',
    elsewhere: true,
  },
  {
    pattern: /\b(?:ENOTCONN|ENODEV|EHOSTDOWN)\b|Transport endpoint is not connected/i,
    says: (place) => `The file system of ${place} is not connected`,
    remedy: 'mount it again',
    elsewhere: true,
  },
  {
    pattern: /\bEIO\b|Input\/output error/i,
    says: (place) => `The disk that holds ${place} reported an error of its hardware or driver`,
    remedy: 'look at the last lines of `dmesg` and use another disk',
    elsewhere: true,
  },
  {
    pattern: /\bEFBIG\b|File too large/i,
    says: (place) => `${place} must hold a file that is larger than allowed there`,
    remedy: 'raise the limit (`ulimit -f unlimited`) or use another file system',
    elsewhere: true,
  },
];
/** Why a program that exists could not be started, by the code of spawn's error. */
const startFaults = {
  EACCES: 'make it executable, or put another one first in PATH,',
  ENOEXEC: 'it is not a program for this machine, so put another one first in PATH',
  EAGAIN: 'end other programs or raise the limit of processes (`ulimit -u`)',
  ENOMEM: 'free some memory',
  EMFILE: 'raise the limit of open files (`ulimit -n 4096`)',
  E2BIG: 'the environment is too large: unset large variables',
};

/**
 * Returns the sentence for an error of the operating system, or null if a user cannot fix it. HAET_CACHE is advised only
 * for a path below the cache folder.
 * @param {unknown} error  an Error with a `code`, or the output of a child process
 * @param {string} where  the folder that was being written, if the error names no path itself
 */
export function explainSystemError(error, where) {
  if (error instanceof Error && error.syscall === 'connect') return null;
  const text = error instanceof Error ? `${error.code ?? ''} ${error.message}` : String(error);
  const start = /spawn(?:Sync)? (\S+) (E[A-Z0-9]+)/.exec(text);
  if (start && startFaults[start[2]]) {
    return `${start[1]} could not be started (${start[2]}): ${startFaults[start[2]]} and run the command again.`;
  }
  const cause = findCause(kinds, text);
  if (cause === null) return null;
  // Of the lines that say it, one with a path tells more.
  const line = text.split('\n').find((each) => cause.pattern.test(each) && pathIn(each)) ?? cause.line;
  const place = error instanceof Error ? (error.path ?? where) : (pathIn(line) ?? where);
  const seen = error instanceof Error ? error.code : quoteLine(line);
  const hint = cause.elsewhere && isInCache(place) ? ' (or point HAET_CACHE at another folder)' : '';
  return `${cause.says(place)} (${seen}): ${cause.remedy}${hint} and run the command again.`;
}

/** Returns the absolute path that a line of output names, or null. */
function pathIn(line) {
  const match = /'(\/[^']+)'|"(\/[^"]+)"|(?:^|[\s(])(\/[^\s:'"),]+)/.exec(line);
  return match && (match[1] ?? match[2] ?? match[3]);
}

function isInCache(path) {
  const below = relative(cacheFolder(), path);
  return !isAbsolute(below) && !/^\.\.(\/|$)/.test(below);
}
