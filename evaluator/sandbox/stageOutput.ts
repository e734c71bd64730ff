import { chmodSync, closeSync, constants, openSync, statfsSync } from 'node:fs';
import { execa } from 'execa';
import type { Mount, StageLimits } from './sandbox.ts';

/** The output folder of a stage, as this machine sees it. */
export interface StageOutput {
  /** Where to look at it, until it is collected. */
  readonly path: string;
  /** Whether it is a file system of its own with a size, so that the kernel refuses what is beyond. */
  readonly walled: boolean;
  /**
   * Brings what the stage left to its folder on disk, and lets go of it. To be called when no process of the stage lives,
   * for an output within its quota.
   * @returns what of it could not be brought, in the words of the first complaint; null when all was
   * @throws Error where it is this machine that did not bring it
   */
  collect(): Promise<string | null>;
  /** Lets go of it, where that is not done yet. To be called at the end of every stage. */
  discard(): void;
}

/** Size of the file system that holds an output folder: a little beyond what is allowed, so that excess can be seen. */
export function wallOf({ outBytes, outFiles }: Pick<StageLimits, 'outBytes' | 'outFiles'>) {
  return { bytes: outBytes + 2 ** 20, files: outFiles + 16 };
}

/** An output folder that lies on the disk of this machine: nothing is left to collect. */
export function outputOnDisk(path: string): StageOutput {
  return { path, walled: false, collect: async () => null, discard() {} };
}

/**
 * An output folder that is a file system in memory of the stage's own. It is held by an open descriptor: it outlives
 * the namespace that it was mounted in, and goes when it is collected, or when we end, however we end.
 * @param init a process that sees it
 * @param out where it is mounted inside, and the folder of this machine that it is brought to
 * @param bytes its size, by which it is told from whatever else may lie there while the sandbox is being made
 * @throws Error where no such file system is there
 */
export function outputInMemory(init: number, out: Mount, bytes: number): StageOutput {
  const { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } = constants;
  const descriptor = openSync(`/proc/${init}/root${out.inside}`, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  // The descriptor, as any process of this user may name it.
  const path = `/proc/${process.pid}/fd/${descriptor}`;
  const tmpfs = 0x01021994; // TMPFS_MAGIC of statfs(2)
  const { type, blocks, bsize } = statfsSync(path);
  if (type !== tmpfs || blocks !== Math.ceil(bytes / bsize)) {
    closeSync(descriptor);
    throw new Error(`${out.inside} of the sandbox is no file system of its own`);
  }
  let isHeld = true;
  const discard = () => {
    if (isHeld) closeSync(descriptor);
    isHeld = false;
  };
  return {
    path,
    walled: true,
    async collect() {
      try {
        chmodSync(path, 0o755);
        return await copyTree(`${path}/.`, out.host);
      } finally {
        discard();
      }
    },
    discard,
  };
}

/** Far more than a quota of bytes takes; `cp` skips holes. */
const mostCopySeconds = 300;
/** How complaints of cp end that an entry can bring about, by the names, modes and sizes of its files. */
const ofTheEntry =
  /: (File name too long|Permission denied|File too large|Operation not permitted|Too many links)$/;

/**
 * Copies everything as it is, symbolic links as links, holes as holes, pipes as pipes, but for the bits that lend an owner's
 * rights. A file with several names becomes several files: how many names one may have is another file system's rule.
 */
async function copyTree(from: string, to: string): Promise<string | null> {
  const words = ['--recursive', '--no-dereference', '--preserve=ownership,timestamps', '--sparse=always'];
  const { exitCode, stderr, timedOut } = await execa('cp', [...words, from, to], {
    reject: false,
    env: { LC_ALL: 'C' },
    timeout: mostCopySeconds * 1000,
    // An entry chooses the names, and how many of them fail.
    maxBuffer: 2 ** 20,
  });
  if (exitCode === 0) return null;
  if (timedOut) throw new Error(`what the stage left was not copied to ${to} within ${mostCopySeconds} s`);
  const complaint = (stderr ?? '').split('\n')[0]!;
  // Names may fill a line of any length; the reason is at its end.
  const short =
    complaint.length > 300 ? `${complaint.slice(0, 150)} ... ${complaint.slice(-150)}` : complaint;
  if (!ofTheEntry.test(complaint)) {
    throw new Error(`what the stage left could not be brought to ${to} (${short || 'cp did not run'})`);
  }
  return short;
}
