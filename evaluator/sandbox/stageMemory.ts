import { readFileSync } from 'node:fs';
import { lstat, opendir, readFile, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { ProcessSample } from './sandbox.ts';

const tmpfs = 0x01021994; // TMPFS_MAGIC of statfs(2)
const kibibyte = 1024;

export interface StageMemory {
  /** Its processes, as they are now. */
  readonly processes: () => ProcessSample[];
  /** The user that it runs as, who is nobody else. */
  readonly user: number;
  /** Folders that it may write to. */
  readonly places: readonly string[];
}

/**
 * What a stage alone holds in memory, where that is more than it was given; null where it is not. Counted is what
 * nobody else can have caused: pages of its processes that belong to no file (proportional share, so that a page of two
 * is not counted twice), and the larger of the shared memory that they map and of what its user owns in file systems in
 * memory and in System V segments, as one may be the other. Not counted: what it holds in memory files that are neither
 * mapped nor named, pipes, sockets, page tables.
 *
 * Cheap as long as all is well: resident sizes and sizes of file systems, which are at least as much, are read first.
 */
export async function memoryBeyond(limitBytes: number, stage: StageMemory): Promise<number | null> {
  const live = stage.processes();
  const folders = await inMemory(stage.places);
  const segments = segmentBytes(stage.user);
  const resident = live.reduce((sum, each) => sum + each.memoryBytes, 0);
  const filled = folders.reduce((sum, each) => sum + each.usedBytes, 0);
  if (resident + filled + segments <= limitBytes) return null;

  let anonymous = 0;
  let shared = 0;
  for (const { pid } of live) {
    const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'latin1').catch(() => '');
    anonymous += field(rollup, 'Pss_Anon');
    shared += field(rollup, 'Pss_Shmem');
  }
  let files = 0;
  for (const { folder } of folders) files += await bytesOfUser(folder, stage.user);
  const bytes = anonymous + Math.max(shared, files + segments);
  return bytes > limitBytes ? bytes : null;
}

const field = (rollup: string, name: string): number =>
  kibibyte * Number(new RegExp(`^${name}:\\s*(\\d+) kB$`, 'm').exec(rollup)?.[1] ?? 0);

/** One folder of each file system in memory among the places, with what that is filled with. */
async function inMemory(places: readonly string[]): Promise<{ folder: string; usedBytes: number }[]> {
  const found = new Map<number, { folder: string; usedBytes: number }>();
  for (const folder of places) {
    try {
      const { type, blocks, bfree, bsize } = await statfs(folder);
      if (type !== tmpfs) continue;
      const { dev } = await stat(folder);
      if (!found.has(dev)) found.set(dev, { folder, usedBytes: (blocks - bfree) * bsize });
    } catch {
      // not there
    }
  }
  return [...found.values()];
}

/** What a user owns below a folder, on the same file system; a file with several names once. */
async function bytesOfUser(top: string, user: number): Promise<number> {
  const { dev } = await stat(top);
  const seen = new Set<number>();
  let bytes = 0;
  const visit = async (folder: string): Promise<void> => {
    const entries = await opendir(folder).catch(() => null);
    if (entries === null) return;
    for await (const each of entries) {
      const path = join(folder, each.name);
      const facts = await lstat(path).catch(() => null);
      if (facts === null || facts.dev !== dev) continue;
      if (facts.uid === user && !seen.has(facts.ino)) bytes += facts.blocks * 512;
      seen.add(facts.ino);
      if (facts.isDirectory()) await visit(path);
    }
  };
  await visit(top);
  return bytes;
}

/** Resident bytes of the System V shared memory of a user (proc_sysvipc(5): uid is the eighth column, rss the fifteenth). */
function segmentBytes(user: number): number {
  try {
    return readFileSync('/proc/sysvipc/shm', 'latin1')
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(/\s+/).map(Number))
      .reduce((sum, row) => sum + (row[7] === user ? (row[14] ?? 0) : 0), 0);
  } catch {
    return 0; // this kernel has none
  }
}
