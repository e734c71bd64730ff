// Where test images lie between the train stage and the end of the predict stage. They are in memory where the machine
// has a file system there, so that no disk keeps them. The folder is named by the process that made it: what one leaves
// that was killed is removed by the next. No name leads to the images but for root and the entry: the folder can be
// passed only by the group that entries run as, and it cannot be listed. Where files are fenced, the file is shown to
// the entry by a mount of its own, which needs no way through the folder.
import { chownSync, statfsSync } from 'node:fs';
import { chmod, mkdtemp, open, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { entryUser } from '../sandbox/entryUser.ts';
import { readProcess } from '../sandbox/procfs.ts';

const isRoot = process.getuid?.() === 0;
const memoryFolder = '/dev/shm';
const tmpfs = 0x01021994; // TMPFS_MAGIC of statfs(2)
/** Maker and its start, in clock ticks since boot: a process id alone is given out again. */
const namePattern = /^haet-opened-(\d+)-(\d+)-/;

/**
 * Makes a folder for test images that are open, empty: on Linux in memory, elsewhere in the system's temporary folder.
 * @throws Error when it cannot be made
 */
export async function makeOpenedFolder(): Promise<string> {
  const startTicks = readProcess('/proc', process.pid)?.startTicks ?? 0;
  const name = `haet-opened-${process.pid}-${startTicks}-`;
  const folder = await mkdtemp(join(isInMemory(memoryFolder) ? memoryFolder : tmpdir(), name));
  if (isRoot) {
    chownSync(folder, 0, entryUser);
    await chmod(folder, 0o710);
  }
  return folder;
}

/** Writes a file anew, for root and entries alone to read; without root, for this user alone. */
export async function writeOpened(path: string, bytes: Uint8Array): Promise<void> {
  await rm(path, { force: true }); // nobody may write to the one that was there
  const file = await open(path, 'wx', 0o400);
  try {
    await file.writeFile(bytes);
    if (!isRoot) return;
    await file.chown(0, entryUser);
    await file.chmod(0o440);
  } finally {
    await file.close();
  }
}

/** Removes the folders of processes that are no more. */
export async function sweepOpenedFolders(): Promise<void> {
  for (const parent of new Set([memoryFolder, tmpdir()])) {
    for (const name of await readdir(parent).catch(() => [])) {
      const [, pid, startTicks] = namePattern.exec(name) ?? [];
      if (pid === undefined || readProcess('/proc', pid)?.startTicks === Number(startTicks)) continue;
      await rm(join(parent, name), { recursive: true, force: true }).catch(() => {}); // another user's
    }
  }
}

function isInMemory(path: string): boolean {
  try {
    return statfsSync(path).type === tmpfs;
  } catch {
    return false;
  }
}
