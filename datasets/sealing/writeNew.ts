import { randomUUID } from 'node:crypto';
import { link, open, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { describeFault } from '../describeFault.ts';
import { UserError } from '../userError.ts';

/**
 * Writes a file that must not be there yet, whole or not at all, and on disk when this returns.
 * @param mode 0o600 for what only its owner may read
 * @throws UserError when something of that name exists, or it cannot be written
 */
export async function writeNew(path: string, bytes: Uint8Array | string, mode = 0o644): Promise<void> {
  const temporary = `${path}.${randomUUID()}.part`;
  try {
    const file = await open(temporary, 'wx', mode);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    // Unlike a rename, a link never takes the place of what is there.
    await link(temporary, path);
    await flushFolder(dirname(path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') {
      throw new UserError(`${path} is there already and is never overwritten. Give a new name, or move it.`);
    }
    throw new UserError(
      `${path} cannot be written (${describeFault(error)}). Give a place that you may write to.`,
    );
  } finally {
    await rm(temporary, { force: true });
  }
}

/** Puts the names in a folder on disk, too. */
async function flushFolder(path: string): Promise<void> {
  const folder = await open(path);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
