import { lstat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { walkTree } from './walkTree.ts';

export interface OutputQuota {
  readonly bytes: number;
  readonly files: number;
  /** Longest path of a file, from the root of the file system: what is longer is too much. Unlimited by default. */
  readonly pathBytes?: number;
}

/** Longest path that the kernel takes (PATH_MAX, which counts the NUL). */
export const kernelPathBytes = 4095;

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
      // A look that this machine fails is not one: the check when the stage has ended throws.
      const look = exceeds(folder, quota, device === null ? 0 : nameless(device));
      if (await look.catch(() => false)) full.abort();
      const pause = Math.max(pauseMs, (performance.now() - start) / mostLooking);
      await sleep(pause, undefined, { signal: stopped.signal }).catch(() => {});
    }
  })();
  return { full: full.signal, stop: () => stopped.abort() };
}

/**
 * Tells whether an entry holds more than its quota in a folder. Counts what is on the disk: a sparse file weighs what it
 * fills, a file with several names weighs as much for each, as it does once it is copied. A folder that is shut counts as
 * too much, as does one nested deeper than `walkTree` goes; the watched folder itself, shut or gone, counts as nothing.
 * @param elsewhere bytes that the entry holds on that disk outside the folder
 * @throws Error where this machine fails the look, for example without a free descriptor
 */
export async function exceeds(folder: string, quota: OutputQuota, elsewhere = 0): Promise<boolean> {
  const { pathBytes = Number.POSITIVE_INFINITY } = quota;
  const topBytes = Buffer.byteLength(folder) + 1;
  let bytes = elsewhere;
  let files = 0;
  const stopped = await walkTree(folder, {
    visit({ facts, relativeBytes }) {
      files += 1;
      bytes += facts.blocks * 512;
      const isBeyond = bytes > quota.bytes || files > quota.files || topBytes + relativeBytes > pathBytes;
      return isBeyond ? 'stop' : undefined;
    },
    onUnseen(error, _at, isTop) {
      const code = error.code ?? '';
      if (isTop || gone.includes(code)) return undefined;
      if (hiding.includes(code)) return 'stop';
      throw error;
    },
  });
  return stopped || bytes > quota.bytes;
}

/** Why something is there and cannot be looked at. */
const hiding = ['EACCES', 'ENAMETOOLONG'];
/** Why something that was listed cannot be looked at any more: it was removed, or something else took its place. */
const gone = ['ENOENT', 'ENOTDIR', 'ELOOP', 'ESTALE'];
