import { open, rename, rm } from 'node:fs/promises';

/**
 * Writes a file, whole or not at all, and on disk when this returns.
 * @param mode 0o600 for what only its owner may read
 */
export async function writeWhole(path: string, content: string | Uint8Array, mode = 0o666): Promise<void> {
  const temporary = `${path}.part`;
  try {
    // An entry can guess the name: what it may have left there is neither followed nor waited for.
    await rm(temporary, { force: true, recursive: true });
    const file = await open(temporary, 'wx', mode);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
