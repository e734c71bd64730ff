import { lstat, readdir } from 'node:fs/promises';
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
/** At most this share of a core is spent on looking. */
const mostLooking = 0.1;

/**
 * Looks at an output folder several times a second. Only what the entry itself holds counts: its files, and those that
 * it removed and still holds open. What the disk has left says nothing about an entry, since others fill it too.
 * Between two looks an entry can write what the disk takes: this guards a disk that has that much to spare; it is no
 * wall.
 * @param nameless bytes of the entry's files on that disk that have no name any more
 */
export function watchOutput(
  folder: string,
  quota: OutputQuota,
  nameless: (device: number) => number = () => 0,
): OutputWatch {
  const full = new AbortController();
  const stopped = new AbortController();
  void (async () => {
    const device = await lstat(folder).then(
      ({ dev }) => dev,
      () => null,
    );
    while (!stopped.signal.aborted && !full.signal.aborted) {
      const start = performance.now();
      if (await exceeds(folder, quota, device === null ? 0 : nameless(device))) full.abort();
      const pause = Math.max(pauseMs, (performance.now() - start) / mostLooking);
      await sleep(pause, undefined, { signal: stopped.signal }).catch(() => {});
    }
  })();
  return { full: full.signal, stop: () => stopped.abort() };
}

/**
 * Whether an entry holds more than its quota in a folder. Counts what is on the disk: a sparse file weighs what it fills,
 * a file with several names weighs as much for each, as it does once it is copied. What is shut or too deep to be looked
 * at counts as too much; the folder itself, shut or gone, as nothing.
 * @param elsewhere bytes that the entry holds on that disk outside the folder
 */
export async function exceeds(folder: string, quota: OutputQuota, elsewhere = 0): Promise<boolean> {
  const top = Buffer.from(folder);
  let bytes = elsewhere;
  let files = 0;
  // Names are bytes: one that is not UTF-8 would be lost on its way through a string, and what it names with it.
  const visit = async (at: Buffer): Promise<boolean> => {
    const isTop = at.equals(top);
    const entries = await readdir(at, { encoding: 'buffer' }).catch(codeOf);
    if (typeof entries === 'string') return !isTop && hiding.includes(entries);
    for (const name of entries) {
      files += 1;
      const path = Buffer.concat([at, separator, name]);
      const facts = await lstat(path).catch(codeOf);
      if (typeof facts === 'string') {
        if (hiding.includes(facts)) return !isTop;
        continue;
      }
      bytes += facts.blocks * 512;
      if (bytes > quota.bytes || files > quota.files) return true;
      if (facts.isDirectory() && (await visit(path))) return true;
    }
    return false;
  };
  return (await visit(top)) || bytes > quota.bytes;
}

/** Why something is there and cannot be looked at; at any other fault it is gone again. */
const hiding = ['EACCES', 'ENAMETOOLONG'];
const separator = Buffer.from('/');
const codeOf = (error: NodeJS.ErrnoException): string => error.code ?? '';
