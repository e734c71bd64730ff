import { spawnSync } from 'node:child_process';
import { ftruncateSync, readSync, writeSync } from 'node:fs';

const heldByAnother = 1; // exit status of flock(1)

export interface Lock {
  readonly taken: boolean;
  /** Process id of the holder, from the file; `(unknown)` if the file has none. */
  readonly holder: string;
  /** Why locking failed; null if it is locked by us or by another. */
  readonly fault: string | null;
}

/**
 * Takes the lock of an open file for this process, and writes its id into it.
 *
 * Uses flock(2), which belongs to the open file: flock(1) locks the file we opened and exits; the lock is released
 * when we close the file or die. There are no stale locks.
 * @param file descriptor open for reading and writing
 * @param patienceSeconds maximum wait
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

/** Reads the holder's process id. Only a number is returned, because others can write to the file too. */
function holderIn(file: number): string {
  const bytes = Buffer.alloc(16);
  const length = readSync(file, bytes, 0, bytes.length, 0);
  return /^(\d{1,10})\n/.exec(bytes.toString('latin1', 0, length))?.[1] ?? '(unknown)';
}
