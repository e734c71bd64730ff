import { accessSync, constants } from 'node:fs';
import { symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { memoryFolder, ownName } from '../sandbox/ownNames.ts';
import { removePath } from '../sandbox/removeTree.ts';

/** A link to a folder. */
export interface ShortPath {
  readonly path: string;
  remove(): Promise<void>;
}

/**
 * Longest folder that leaves room for the name of the link (at most 60 bytes) and of a socket below it: a socket's path
 * has at most 107 bytes (unix(7)), and Python's multiprocessing adds 33.
 */
const longestParent = 14;

/** Makes a link with a short path to a folder whose path may be too long for the sockets in it. */
export async function makeShortPath(folder: string): Promise<ShortPath> {
  const path = join([tmpdir(), memoryFolder].find(isShort) ?? tmpdir(), ownName('tmp'));
  await symlink(folder, path);
  return { path, remove: () => removePath(path) };
}

function isShort(folder: string): boolean {
  if (folder.length > longestParent) return false;
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
