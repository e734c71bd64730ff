import { ftruncateSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { quoteLine, SetupFailure, tellingLine } from './failure.mjs';
import { explainPython, isolated } from './python.mjs';
import { say } from './report.mjs';
import { run } from './run.mjs';
import { explainSystemError } from './systemError.mjs';

const take = `
import sys
if sys.version_info < (3, 6):
    sys.exit("set-up needs Python 3.6 and this is %d.%d" % sys.version_info[:2])
import fcntl
fcntl.flock(3, fcntl.LOCK_EX | (fcntl.LOCK_NB if sys.argv[1] == "try" else 0))
`;

/** Errors of flock(2) on a file system that has no locks: ENOLCK, ENOSYS, EOPNOTSUPP. */
const noLocks = /\[Errno (37|38|95)\]/;
/** EBADF: the interpreter did not get the file. */
const notPassed = /\[Errno 9\]/;

/**
 * Waits for and takes an exclusive lock that the kernel releases when its holder dies.
 *
 * flock(2) locks belong to an open file, not to a process: the helper locks the file that this process opened and
 * exits, and the lock stays as long as a process has that file open. Commands that get the descriptor (see run.mjs)
 * therefore keep it too: when this process is killed during `npm ci`, the next run waits for that `npm ci` to end.
 * @param {string} file  is created if missing, and kept; the holder's process and time are in it
 * @returns {Promise<number>} the descriptor to pass on
 */
export async function takeLock(file) {
  mkdirSync(dirname(file), { recursive: true });
  const descriptor = openSync(file, 'a');
  const attempt = (how) => run('python3', [...isolated, '-c', take, how], { locks: [descriptor] });
  let result = await attempt('try');
  if (result.status !== 0 && /BlockingIOError/.test(result.output)) {
    say(`another set-up is running${describeHolder(file)}; waiting ...`);
    result = await attempt('wait');
  }
  if (result.status === 0) {
    recordHolder(descriptor);
    return descriptor;
  }
  throw new SetupFailure(explainPython(result, file) ?? explainLock(result.output, file));
}

/** Only for the message of others who wait: a full disk does not stop the set-up here. @param {number} descriptor */
function recordHolder(descriptor) {
  try {
    ftruncateSync(descriptor, 0);
    writeSync(descriptor, JSON.stringify({ pid: process.pid, since: new Date().toISOString() }));
  } catch {
    // a step that needs the disk reports it
  }
}

/** Returns who holds a lock and since when, in brackets; nothing if the file does not say. @param {string} file */
function describeHolder(file) {
  try {
    const { pid, since } = JSON.parse(readFileSync(file, 'utf8'));
    return ` (process ${pid}, since ${new Date(since).toLocaleTimeString('en-GB')})`;
  } catch {
    return '';
  }
}

/**
 * Returns the sentence for a python3 that ran and could not lock the file.
 * @param {string} output
 * @param {string} file
 */
export function explainLock(output, file) {
  const seen = quoteLine(tellingLine(output) ?? 'no reason given');
  if (noLocks.test(output)) {
    return `${file} could not be locked (${seen}): put the clone and HAET_CACHE on a file system with file locks and run the command again.`;
  }
  if (notPassed.test(output)) {
    return `${file} could not be locked (${seen}), because python3 is a wrapper that closes open files: put the interpreter itself first in PATH and run the command again.`;
  }
  return (
    explainSystemError(output, file) ??
    `${file} could not be locked (${seen}): find out with \`python3 -I -c "import fcntl"\` what is wrong with python3 and run the command again.`
  );
}
