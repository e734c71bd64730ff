import { createReadStream } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { Parser } from 'tar';
import { describeFault } from '../describeFault.ts';
import { asSystemError } from '../systemError.ts';
import { UserError } from '../userError.ts';
import { unreadable } from './unreadable.ts';

/** Files that are wanted from a folder or an archive. */
export interface Wanted {
  readonly names: readonly string[];
  /** Returns why a file of this size is not accepted; null if it is. */
  readonly refuse: (path: string, name: string, size: number) => UserError | null;
  readonly remedy: string;
}

/**
 * Reads files of a folder by name; those that are missing are left out.
 *
 * @throws UserError if one cannot be read or has a wrong size
 */
export async function readFolderFiles(folder: string, wanted: Wanted): Promise<Map<string, Uint8Array>> {
  const { names, refuse, remedy } = wanted;
  const entries = await readdir(folder).catch((error) => {
    throw unreadable(folder, error, remedy);
  });
  const files = new Map<string, Uint8Array>();
  for (const name of names.filter((each) => entries.includes(each))) {
    const path = join(folder, name);
    const { size } = await stat(path).catch((error) => {
      throw unreadable(path, error, remedy);
    });
    const refusal = refuse(path, name, size);
    if (refusal !== null) throw refusal;
    const bytes = await readFile(path).catch((error) => {
      throw unreadable(path, error, remedy);
    });
    files.set(name, bytes);
  }
  return files;
}

/**
 * Reads members of a tar archive by the last part of their name, in whatever folder they are. Each is read once;
 * those that are missing are left out.
 *
 * @returns the content by name, and the names of all members
 * @throws UserError if the archive is incomplete, has a member twice, or one has a wrong size
 */
export async function readTarFiles(
  path: string,
  { names, refuse, remedy }: Wanted,
): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  let refusal: UserError | null = null;
  const parser: Parser = new Parser({
    strict: true,
    onReadEntry: (entry): void => {
      const name = basename(entry.path);
      if (entry.type !== 'File' || !names.includes(name) || refusal !== null) {
        entry.resume();
        return;
      }
      refusal = files.has(name)
        ? new UserError({ path, reason: `contains ${name} twice`, remedy })
        : refuse(`${path}: ${name}`, name, entry.size);
      if (refusal !== null) {
        parser.abort(refusal);
        return;
      }
      const bytes = new Uint8Array(entry.size);
      files.set(name, bytes);
      let filled = 0;
      entry.on('data', (chunk) => {
        bytes.set(chunk, filled);
        filled += chunk.length;
      });
    },
  });
  try {
    await pipeline(createReadStream(path), parser as unknown as NodeJS.WritableStream);
  } catch (error) {
    if (asSystemError(error) !== null) throw unreadable(path, error, remedy);
    throw (
      refusal ??
      new UserError({ path, reason: `is not a complete tar archive (${describeFault(error)})`, remedy })
    );
  }
  return files;
}
