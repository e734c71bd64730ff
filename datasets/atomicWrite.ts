// Atomic writes: readers find the old file or the new one, never a part of it, also after a crash. The libraries
// write-file-atomic and atomically are not used, because they neither fail if the file exists, nor reject a link or a
// pipe that an entry created at the path of the temporary file.
import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { link, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { describeFault } from './describeFault.ts';
import { UserError } from './userError.ts';

/**
 * Writes a file atomically, replacing an existing one, and flushes it to disk.
 * @param mode 0o600 for files that only the owner may read
 * @throws Error with a system error code; the path then has either the old or the new content
 */
export async function replaceFile(path: string, content: string | Uint8Array, mode = 0o666): Promise<void> {
  const temporary = `${path}.part`;
  try {
    // An entry can guess the temporary name, so whatever is there is removed: it is never followed or opened.
    await rm(temporary, { force: true, recursive: true });
    await writeTemporary(temporary, content, mode);
    await moveIntoPlace(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/**
 * Writes a new file atomically and flushes it to disk.
 * @param mode 0o600 for files that only the owner may read
 * @throws UserError if the path exists or cannot be written
 */
export async function createFile(path: string, content: string | Uint8Array, mode = 0o644): Promise<void> {
  const temporary = `${path}.${randomUUID()}.part`;
  try {
    await writeTemporary(temporary, content, mode);
    // Unlike rename, link never replaces an existing file.
    await link(temporary, path);
    await flushFolder(dirname(path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') {
      throw new UserError({
        path,
        reason: 'exists and is never overwritten',
        remedy: 'Give a new name, or move the file.',
      });
    }
    throw new UserError({
      path,
      reason: `cannot be written (${describeFault(error)})`,
      remedy: 'Give a writable path.',
    });
  } finally {
    await rm(temporary, { force: true });
  }
}

/** Renames a finished file or folder to its final path, replacing an existing file, and flushes the change to disk. */
export async function moveIntoPlace(temporary: string, path: string): Promise<void> {
  await rename(temporary, path);
  await flushFolder(dirname(path));
}

/** Flushes the entries of a folder to disk, if its file system supports that and the folder can be read. */
export async function flushFolder(folder: string): Promise<void> {
  try {
    const handle = await open(folder, constants.O_RDONLY);
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    // The file has its name by now. A file system without this operation must not turn that into a failure.
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
