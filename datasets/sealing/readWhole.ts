import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { describeFault } from '../describeFault.ts';
import { UserError } from '../userError.ts';

/**
 * The bytes of a regular file, and who may do what with it.
 * @param mostBytes a larger file is refused before it is read
 * @throws UserError naming the file and what keeps it from being read
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
      throw new UserError({ path, reason: `has ${facts.size} bytes; at most ${mostBytes} are expected.` });
    }
    return { bytes: await file.readFile(), mode: facts.mode & 0o777 };
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError({
      path,
      reason: `cannot be read (${describeFault(error)})`,
      remedy: 'Give a file that is there.',
    });
  } finally {
    await file?.close();
  }
}
