import { open, rename, rm } from 'node:fs/promises';
import { UserError } from '../../datasets/userError.ts';

/**
 * Writes a text file so that a reader finds the old one or the new one, never half of one; on disk when it returns.
 * @throws UserError when the disk refuses it
 */
export async function writeWhole(path: string, text: string): Promise<void> {
  const temporary = `${path}.part`;
  try {
    const file = await open(temporary, 'w');
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    const { code } = error as NodeJS.ErrnoException;
    throw new UserError(
      `${path}: cannot be written (${code ?? error}). Make room or give a place to write to.`,
    );
  }
}
