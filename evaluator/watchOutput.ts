import { lstat, opendir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export interface OutputQuota {
  readonly bytes: number;
  readonly files: number;
}

export interface OutputWatch {
  /** Aborted when the folder went beyond its quota. */
  readonly full: AbortSignal;
  stop(): void;
}

const pauseMs = 250;

/**
 * Looks at a folder several times a second. Between two looks an entry can write what the disk takes: this guards a
 * disk that has that much to spare; it is no wall.
 */
export function watchOutput(folder: string, quota: OutputQuota): OutputWatch {
  const full = new AbortController();
  const stopped = new AbortController();
  void (async () => {
    while (!stopped.signal.aborted && !full.signal.aborted) {
      if (await exceeds(folder, quota)) full.abort();
      await sleep(pauseMs, undefined, { signal: stopped.signal }).catch(() => {});
    }
  })();
  return { full: full.signal, stop: () => stopped.abort() };
}

/** Whether a folder holds more than its quota. Counts what is on the disk: a sparse file weighs what it fills. */
export async function exceeds(folder: string, quota: OutputQuota): Promise<boolean> {
  let bytes = 0;
  let files = 0;
  const visit = async (at: string): Promise<boolean> => {
    const entries = await opendir(at).catch((error: NodeJS.ErrnoException) => error.code);
    if (typeof entries === 'string') return entries === 'ENAMETOOLONG'; // else gone again, or shut
    if (entries === undefined) return false;
    for await (const each of entries) {
      files += 1;
      const path = join(at, each.name);
      const facts = await lstat(path).catch(() => null);
      bytes += (facts?.blocks ?? 0) * 512;
      if (bytes > quota.bytes || files > quota.files) return true;
      if (each.isDirectory() && (await visit(path))) return true;
    }
    return false;
  };
  return visit(folder);
}
