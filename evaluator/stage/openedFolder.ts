// Where test images lie between the train stage and the end of the predict stage. They are in memory where the machine
// has a file system there, so that no disk keeps them. What an evaluator leaves that was killed is removed by the next
// one (ownNames.ts). No name leads to the images but for root and the entry: the folder can be
// passed only by the group that entries run as, and it cannot be listed. Where files are fenced, the file is shown to
// the entry by a mount of its own, which needs no way through the folder.
import { chownSync, statfsSync } from 'node:fs';
import { chmod, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { entryUser } from '../sandbox/entryUser.ts';
import { makeOwnFolder, memoryFolder } from '../sandbox/ownNames.ts';

const isRoot = process.getuid?.() === 0;
const tmpfs = 0x01021994; // TMPFS_MAGIC of statfs(2)

/**
 * Makes a folder for test images that are open, empty: on Linux in memory, elsewhere in the system's temporary folder.
 * @throws Error when it cannot be made
 */
export async function makeOpenedFolder(): Promise<string> {
  const folder = await makeOwnFolder('opened', isInMemory(memoryFolder) ? memoryFolder : tmpdir());
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

function isInMemory(path: string): boolean {
  try {
    return statfsSync(path).type === tmpfs;
  } catch {
    return false;
  }
}
