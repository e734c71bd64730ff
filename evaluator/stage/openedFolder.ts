// The folder of opened test images between the train stage and the end of predict. It is in memory if possible, so
// that no disk stores them. Leftovers of a killed evaluator are removed by the next one (ownNames.ts). Only root and
// the entries' group can traverse the folder, and it cannot be listed. A sandbox with file isolation mounts the file
// directly.
import { chownSync, statfsSync } from 'node:fs';
import { chmod, open, rm } from 'node:fs/promises';
import { entryUser } from '../sandbox/entryUser.ts';
import { makeOwnFolder, memoryFolder } from '../sandbox/ownNames.ts';

const isRoot = process.getuid?.() === 0;
const tmpfs = 0x01021994; // TMPFS_MAGIC of statfs(2)

/**
 * Creates an empty folder for opened test images: in memory on Linux, otherwise in the system's temporary folder.
 * @param memory a file system in memory, where the machine has one
 * @throws UserError if it cannot be created
 */
export async function makeOpenedFolder(memory: string = memoryFolder): Promise<string> {
  // The folder in memory may exist and not be writable.
  const inMemory = isInMemory(memory) ? await makeOwnFolder('opened', memory).catch(() => null) : null;
  const folder = inMemory ?? (await makeOwnFolder('opened'));
  if (isRoot) {
    chownSync(folder, 0, entryUser);
    await chmod(folder, 0o710);
  }
  return folder;
}

/** Replaces a file that only root and entries can read; without root, only this user. */
export async function writeOpened(path: string, bytes: Uint8Array): Promise<void> {
  await rm(path, { force: true }); // nobody can write to the existing one
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
