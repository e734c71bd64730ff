// Atomic writes: a reader, and whoever looks after a crash, finds the old file or the new one, never a part of it.
// Written here because write-file-atomic and atomically do neither of two things that are needed: fail where the file
// exists, and refuse a link or a pipe that an entry put in the place of the temporary file.
import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { link, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { describeFault } from './describeFault.ts';
import { UserError } from './userError.ts';

/**
 * Writes a file, in the place of one that is there. On disk when this returns.
 * @param mode 0o600 for what only its owner may read
 * @throws Error with a code of the system; the old file or the new one is then there
 */
export async function replaceFile(path: string, content: string | Uint8Array, mode = 0o666): Promise<void> {
  const temporary = `${path}.part`;
  try {
    // An entry can guess the name: what it may have left there is neither followed nor waited for.
    await rm(temporary, { force: true, recursive: true });
    await writeTemporary(temporary, content, mode);
    await moveIntoPlace(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/**
 * Writes a file that must not exist yet. On disk when this returns.
 * @param mode 0o600 for what only its owner may read
 * @throws UserError where something of that name exists, or the file cannot be written
 */
export async function createFile(path: string, content: string | Uint8Array, mode = 0o644): Promise<void> {
  const temporary = `${path}.${randomUUID()}.part`;
  try {
    await writeTemporary(temporary, content, mode);
    // Unlike a rename, a link never takes the place of what is there.
    await link(temporary, path);
    await flushFolder(dirname(path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') {
      throw new UserError({
        path,
        reason: 'is there already and is never overwritten',
        remedy: 'Give a new name, or move it.',
      });
    }
    throw new UserError({
      path,
      reason: `cannot be written (${describeFault(error)})`,
      remedy: 'Give a place that you may write to.',
    });
  } finally {
    await rm(temporary, { force: true });
  }
}

/** Renames a finished file or folder to its name, in the place of a file that is there. On disk when this returns. */
export async function moveIntoPlace(temporary: string, path: string): Promise<void> {
  await rename(temporary, path);
  await flushFolder(dirname(path));
}

/** Flushes the names in a folder to disk, where its file system can and the folder may be read. */
export async function flushFolder(folder: string): Promise<void> {
  try {
    const handle = await open(folder, constants.O_RDONLY);
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    // The file is in its place by now: a network file system that knows no such flush must not make it a failure.
    if (!unflushable.includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}

const unflushable = ['EINVAL', 'ENOTSUP', 'ENOSYS', 'EACCES', 'EPERM'];

async function writeTemporary(path: string, content: string | Uint8Array, mode: number): Promise<void> {
  const file = await open(path, 'wx', mode);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
}
