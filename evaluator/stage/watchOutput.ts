import { lstat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { walkTree } from '../sandbox/walkTree.ts';
import { hasMoreNames } from './hasMoreNames.ts';

export interface OutputQuota {
  readonly bytes: number;
  readonly files: number;
  /** Maximum bytes of a file's absolute path; a longer path exceeds the quota. Unlimited by default. */
  readonly pathBytes?: number;
}

/** Longest path that the kernel accepts (PATH_MAX includes the NUL). */
export const kernelPathBytes = 4095;

export interface OutputWatch {
  /** Aborted when the folder exceeds its quota. */
  readonly full: AbortSignal;
  stop(): void;
}

const pauseMs = 250;
/** Maximum share of a core for each kind of look, unless that would delay the next one by more than `mostPauseMs`. */
const mostLooking = 0.1;
/** On a busy machine a look takes long without using the CPU, and what it uses is counted for the whole process. */
const mostPauseMs = 2000;

/**
 * Polls an output folder several times per second. Only the entry's own files count, including deleted files it still
 * holds open. Free disk space proves nothing, because others use the disk too. Between two polls an entry can write
 * as fast as the disk allows, so this is not a hard limit.
 *
 * Names are counted apart from bytes: an entry makes files faster than their sizes can be read, and made 200,000 on a
 * busy machine before a look at both was over.
 * @param nameless returns the bytes of the entry's deleted files on that disk
 */
export function watchOutput(
  folder: string,
  quota: OutputQuota,
  nameless: (device: number) => number = () => 0,
): OutputWatch {
  const full = new AbortController();
  const stopped = new AbortController();
  const either = AbortSignal.any([full.signal, stopped.signal]);
  const watch = async (isBeyond: () => Promise<boolean>) => {
    while (!either.aborted) {
      const before = process.cpuUsage();
      // An error of this machine is ignored here; the same check after the stage reports it.
      if (await isBeyond().catch(() => false)) full.abort();
      const { user, system } = process.cpuUsage(before);
      const pause = Math.min(mostPauseMs, Math.max(pauseMs, (user + system) / 1000 / mostLooking));
      await sleep(pause, undefined, { signal: either }).catch(() => {});
    }
  };
  if (quota.files < Number.MAX_SAFE_INTEGER) void watch(() => hasMoreNames(folder, quota.files));
  void watch(async () => {
    const { dev } = await lstat(folder);
    return exceeds(folder, quota, nameless(dev));
  });
  return { full: full.signal, stop: () => stopped.abort() };
}

/**
 * Whether an entry exceeds its quota in a folder. Counts disk usage: a sparse file counts the blocks that it uses, and a
 * file with several names counts once per name, as when it is copied. Folders that cannot be read or are nested deeper
 * than `walkTree` goes count as exceeding the quota; the watched folder itself, if unreadable or missing, counts as empty.
 * @param elsewhere bytes that the entry uses on that disk outside the folder
 * @throws Error if this machine cannot read the folder, for example because no file descriptor is free
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

/** Errors that mean something exists but cannot be read. */
const hiding = ['EACCES', 'ENAMETOOLONG'];
/** Errors that mean something was removed or replaced after it was listed. */
const gone = ['ENOENT', 'ENOTDIR', 'ELOOP', 'ESTALE'];
