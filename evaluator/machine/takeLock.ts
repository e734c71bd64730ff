import { spawnSync } from 'node:child_process';
import { ftruncateSync, readSync, writeSync } from 'node:fs';

const heldByAnother = 1; // exit status of flock(1)

export interface Lock {
  readonly taken: boolean;
  /** Process id of who holds it, as the file says it; `(unknown)` where it says nothing of use. */
  readonly holder: string;
  /** Why it could not be tried; null where it is taken, or held by another. */
  readonly fault: string | null;
}

/**
 * Takes the lock of an open file for this process, and writes its id into it.
 *
 * It is a lock of the kernel, flock(2): it belongs to the open file, so flock(1) takes it on the one that we opened and
 * ends, and it goes when we close that file or die, however we die. There is no stale lock to be told from a live one.
 * @param file descriptor open for reading and writing
 * @param patienceSeconds how long it is waited for
 */
export function takeLock(file: number, patienceSeconds = 0): Lock {
  const patience = patienceSeconds === 0 ? ['-n'] : ['-w', String(patienceSeconds)];
  const { status, stderr, error } = spawnSync('flock', ['-x', ...patience, '3'], {
    stdio: ['ignore', 'ignore', 'pipe', file],
    encoding: 'utf8',
  });
  if (status === heldByAnother) return { taken: false, holder: holderIn(file), fault: null };
  if (status !== 0) {
    return { taken: false, holder: '(unknown)', fault: error?.message ?? stderr.trim() };
  }
  ftruncateSync(file);
  writeSync(file, `${process.pid}\n`, 0);
  return { taken: true, holder: String(process.pid), fault: null };
}

/** Others may write to the file too: only a number is repeated. */
function holderIn(file: number): string {
  const bytes = Buffer.alloc(16);
  const length = readSync(file, bytes, 0, bytes.length, 0);
  return /^(\d{1,10})\n/.exec(bytes.toString('latin1', 0, length))?.[1] ?? '(unknown)';
}
