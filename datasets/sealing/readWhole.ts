import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { describeFault } from '../describeFault.ts';
import { UserError } from '../userError.ts';

/**
 * Reads a regular file and its mode.
 * @param mostBytes maximum size; a larger file is rejected without reading it
 * @throws UserError with the file and the reason
 */
export async function readWhole(
  path: string,
  mostBytes = Number.POSITIVE_INFINITY,
): Promise<{ bytes: Buffer; mode: number }> {
  let file: FileHandle | undefined;
  try {
    // O_NONBLOCK: opening a named pipe must not wait for a writer.
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const facts = await file.stat();
    if (!facts.isFile()) {
      throw new UserError({ path, reason: 'is not a regular file', remedy: 'Give the file itself.' });
    }
    if (facts.size > mostBytes) {
      throw new UserError({ path, reason: `has ${facts.size} bytes, maximum ${mostBytes}.` });
    }
    return { bytes: await file.readFile(), mode: facts.mode & 0o777 };
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError({
      path,
      reason: `cannot be read (${describeFault(error)})`,
      remedy: 'Check the path.',
    });
  } finally {
    await file?.close();
  }
}
