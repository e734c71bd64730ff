import { lstat, opendir, statfs } from 'node:fs/promises';
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
/** What others may write to the same disk, beyond the quota of the entry, before the entry is blamed. */
const othersBytes = 2 ** 30;

/**
 * Looks at a folder several times a second, and at how much the disk that it lies on has left: a file that is open and
 * has no name any more is seen by the second alone. Others may fill that disk too, hence the slack. Between two looks
 * an entry can write what the disk takes: this guards a disk that has that much to spare; it is no wall.
 * @param slackBytes what may go from the disk beyond the quota
 */
export function watchOutput(folder: string, quota: OutputQuota, slackBytes = othersBytes): OutputWatch {
  const full = new AbortController();
  const stopped = new AbortController();
  void (async () => {
    const freeAtStart = await freeBytes(folder);
    while (!stopped.signal.aborted && !full.signal.aborted) {
      const gone = freeAtStart - (await freeBytes(folder));
      if (gone > quota.bytes + slackBytes || (await exceeds(folder, quota))) full.abort();
      await sleep(pauseMs, undefined, { signal: stopped.signal }).catch(() => {});
    }
  })();
  return { full: full.signal, stop: () => stopped.abort() };
}

/** Bytes that the disk of a folder has left; NaN, which is beyond no quota, where the folder is gone. */
async function freeBytes(folder: string): Promise<number> {
  return statfs(folder).then(
    ({ bavail, bsize }) => bavail * bsize,
    () => Number.NaN,
  );
}

/**
 * Whether a folder holds more than its quota. Counts what is on the disk: a sparse file weighs what it fills. What is
 * shut or too deep to be looked at counts as too much; the folder itself, shut or gone, as nothing.
 */
export async function exceeds(folder: string, quota: OutputQuota): Promise<boolean> {
  let bytes = 0;
  let files = 0;
  const visit = async (at: string): Promise<boolean> => {
    const entries = await opendir(at).catch(codeOf);
    if (typeof entries === 'string') return at !== folder && hiding.includes(entries);
    for await (const each of entries) {
      files += 1;
      const path = join(at, each.name);
      const facts = await lstat(path).catch(codeOf);
      if (typeof facts !== 'string') bytes += facts.blocks * 512;
      else if (hiding.includes(facts)) return at !== folder;
      if (bytes > quota.bytes || files > quota.files) return true;
      if (each.isDirectory() && (await visit(path))) return true;
    }
    return false;
  };
  return visit(folder);
}

/** Why something is there and cannot be looked at; at any other fault it is gone again. */
const hiding = ['EACCES', 'ENAMETOOLONG'];
const codeOf = (error: NodeJS.ErrnoException): string => error.code ?? '';
