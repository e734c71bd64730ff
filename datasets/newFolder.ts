import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { flushFolder, moveIntoPlace } from './atomicWrite.ts';
import { describeFault } from './describeFault.ts';
import { UserError } from './userError.ts';

/**
 * Rejects a path where no folder can be created. Call it before reading slow data.
 * @param option the option that gave the path, for the message
 * @throws UserError if `path` exists and is not an empty folder
 */
export async function requireFree(path: string, option = '--out'): Promise<void> {
  let entries: string[];
  try {
    entries = await readdir(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return;
    throw new UserError({
      option,
      path,
      reason: code === 'ENOTDIR' ? 'exists and is not a folder' : `cannot be used (${code})`,
      remedy: 'Give a folder that does not exist yet or is empty.',
    });
  }
  if (entries.length === 0) return;
  throw new UserError({
    option,
    path,
    reason: `exists and is not empty (${entries.length} entries, such as ${entries[0]})`,
    remedy: 'Give a folder that does not exist yet, or remove it.',
  });
}

/**
 * Creates a folder with its files, atomically: written beside `path`, flushed to disk, then renamed.
 * @param files bytes by their path within the folder
 * @param option the option that gave the path, for the message
 * @throws UserError if `path` is not free or cannot be written
 */
export async function createFolder(
  path: string,
  files: ReadonlyMap<string, Uint8Array>,
  option = '--out',
): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomUUID()}.part`);
  try {
    await mkdir(dirname(path), { recursive: true });
    for (const [file, bytes] of files) {
      await mkdir(dirname(join(temporary, file)), { recursive: true });
      await writeFile(join(temporary, file), bytes, { flush: true, flag: 'wx' });
    }
    for (const folder of new Set([...files.keys()].map((file) => dirname(join(temporary, file))))) {
      await flushFolder(folder);
    }
    await moveIntoPlace(temporary, path);
  } catch (error) {
    // This cleanup can fail too, if a parent is a file; the first error is the one to report.
    await rm(temporary, { recursive: true, force: true }).catch(() => {});
    // Another process may have created it after the check: report it like an existing folder.
    await requireFree(path, option);
    throw new UserError({
      option,
      path,
      reason: `could not be written (${describeFault(error)}), and nothing was left there`,
      remedy: 'Check free space and permissions, or give another folder.',
    });
  }
}
