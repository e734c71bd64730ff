import { constants } from 'node:fs';
import { open, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';

/**
 * Reads the end of an untrusted text file without terminal colours; null if missing. Links are not followed, because
 * they would publish their target, and pipes do not block.
 */
export async function readEnd(
  folder: string,
  file: string,
  limit: number,
): Promise<{ tail: string; bytes: number } | null> {
  const path = join(await realpath(folder), file);
  if ((await realpath(path).catch(() => null)) !== path) return null;
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  try {
    const stat = await handle.stat();
    if (!stat.isFile()) return null;
    const length = Math.min(stat.size, limit);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, stat.size - length);
    return {
      tail: stripVTControlCharacters(buffer.toString('utf8', 0, bytesRead)),
      bytes: stat.size,
    };
  } finally {
    await handle.close();
  }
}
