import { mkdir, readdir, rename, rm, rmdir, stat } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { quoteUntrusted } from '../../datasets/quoteUntrusted.ts';
import { asSystemError, codeAndMeaning, type SystemError } from '../../datasets/systemError.ts';
import { UserError } from '../../datasets/userError.ts';
import { manifestFile } from '../contract.ts';
import { hashFile } from './hashFile.ts';
import type { ArchiveLimits } from './limits.ts';
import { type Entry, loadEntry } from './loadEntry.ts';
import { unpackArchive } from './unpackArchive.ts';

/**
 * Hashes the archive at a path; null if it is not a regular file.
 * @throws Error if the archive cannot be read
 */
export async function hashArchive(path: string): Promise<string | null> {
  const facts = await stat(path).catch(() => null);
  return facts?.isFile() ? hashFile(path) : null;
}

/**
 * Loads an entry: a folder in place, an archive unpacked into `into`, which must not exist. A rejected archive leaves
 * nothing there.
 * @throws UserError that names what intake rejects
 */
export async function takeEntry(path: string, into: string, limits?: ArchiveLimits): Promise<Entry> {
  const facts = await stat(path).catch(() => null);
  if (facts !== null && !facts.isDirectory()) return unpackEntry(resolve(path), into, limits);
  return loadEntry(path).catch((error) => {
    const fault = asSystemError(error);
    throw fault !== null && isOfTheFolder(fault.code) ? incomplete(path, fault) : error;
  });
}

/** Whether an error is about a folder whose owner changes it or closed it, and not about this machine. */
const isOfTheFolder = (code: string): boolean =>
  ['ENOENT', 'ENOTDIR', 'EISDIR', 'ELOOP', 'EACCES', 'EPERM'].includes(code);

function incomplete(folder: string, fault: SystemError): UserError {
  return new UserError(
    {
      path: resolve(folder),
      reason: `cannot be read completely (${codeAndMeaning(fault)}${fault.path === undefined ? '' : ` at ${quoteUntrusted(relative(resolve(folder), String(fault.path)))}`})`,
      remedy: 'Let nothing change it while it is read, and make every file readable.',
    },
    { cause: fault },
  );
}

/**
 * Unpacks an entry's archive into a folder that must not exist yet. One folder around the entry is taken off.
 * @throws UserError that names the archive, and the member or the field of its haet.json, that intake rejects
 */
export async function unpackEntry(archive: string, into: string, limits?: ArchiveLimits): Promise<Entry> {
  const folder = resolve(into);
  await mkdir(dirname(folder), { recursive: true });
  await unpackArchive(archive, folder, limits);
  try {
    await unwrap(folder);
    return await loadEntry(folder);
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error instanceof UserError ? error.under(folder, archive) : error;
  }
}

/**
 * Moves the content of the only folder in a folder up into it, if it is an entry: Windows and macOS put the folder that
 * a person packs around its files. Everything else is left as it is.
 */
async function unwrap(folder: string): Promise<void> {
  const names = await readdir(folder, { withFileTypes: true });
  const [inner] = names;
  if (names.length !== 1 || inner?.isDirectory() !== true) return;
  const content = join(folder, inner.name);
  if ((await stat(join(content, manifestFile)).catch(() => null)) === null) return;
  const aside = `${folder}.unwrapped`;
  await rename(content, aside);
  await rmdir(folder);
  await rename(aside, folder);
}

/** Moves the unpacked copy of an entry. */
export async function moveEntry(entry: Entry, folder: string): Promise<Entry> {
  await rename(entry.folder, folder);
  return { ...entry, folder };
}
