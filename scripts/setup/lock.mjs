import { spawnSync } from 'node:child_process';
import { mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { SetupFailure } from './failure.mjs';
import { say } from './report.mjs';

const take =
  'import fcntl, sys; fcntl.flock(3, fcntl.LOCK_EX | (fcntl.LOCK_NB if sys.argv[1] == "try" else 0))';

/**
 * Waits for and takes an exclusive lock that the kernel releases when its holder dies.
 *
 * flock(2) locks belong to an open file, not to a process: the helper locks the file that this process opened and
 * exits, and the lock stays as long as a process has that file open. Commands that get the descriptor (see run.mjs)
 * therefore keep it too: when this process is killed during `npm ci`, the next run waits for that `npm ci` to end.
 * @param {string} file  is created if missing, and kept
 * @returns {number} the descriptor to pass on
 */
export function takeLock(file) {
  mkdirSync(dirname(file), { recursive: true });
  const descriptor = openSync(file, 'a');
  const attempt = (how) =>
    spawnSync('python3', ['-c', take, how], {
      stdio: ['ignore', 'ignore', 'pipe', descriptor],
      encoding: 'utf8',
    });
  let result = attempt('try');
  if (result.status !== 0 && /BlockingIOError/.test(result.stderr ?? '')) {
    say('another set-up is running; waiting ...');
    result = attempt('wait');
  }
  if (result.error?.code === 'ENOENT') {
    throw new SetupFailure(
      'python3 was not found: install it with pip (on Debian or Ubuntu: sudo apt install python3 python3-pip) and run the command again.',
    );
  }
  if (result.status !== 0) {
    throw new SetupFailure(
      `${file} could not be locked (${(result.stderr ?? '').trim().split('\n').pop()}): put the clone and HAET_CACHE on a file system with file locks and run the command again.`,
    );
  }
  return descriptor;
}
