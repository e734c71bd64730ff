import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { UserError } from '../../datasets/userError.ts';
import { hashFile } from './hashFile.ts';
import type { ArchiveLimits } from './limits.ts';
import { type Entry, loadEntry } from './loadEntry.ts';
import { unpackArchive } from './unpackArchive.ts';

/**
 * sha256 of the archive at a path; null where no regular file is there.
 * @throws Error when the archive cannot be read
 */
export async function hashArchive(path: string): Promise<string | null> {
  const facts = await stat(path).catch(() => null);
  return facts?.isFile() ? hashFile(path) : null;
}

/**
 * Takes an entry as it was sent in: a folder as it lies, an archive unpacked into `into`, which must not exist yet.
 * What is refused leaves nothing there.
 * @throws UserError naming what intake refuses
 */
export async function takeEntry(path: string, into: string, limits?: ArchiveLimits): Promise<Entry> {
  const facts = await stat(path).catch(() => null);
  return facts === null || facts.isDirectory() ? loadEntry(path) : unpackEntry(resolve(path), into, limits);
}

/**
 * Unpacks an entry's archive into a folder that must not exist yet.
 * @throws UserError naming the archive, and the member or the field of its haet.json, that intake refuses
 */
export async function unpackEntry(archive: string, into: string, limits?: ArchiveLimits): Promise<Entry> {
  const folder = resolve(into);
  await mkdir(dirname(folder), { recursive: true });
  await unpackArchive(archive, folder, limits);
  try {
    return await loadEntry(folder);
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error instanceof UserError ? error.under(folder, archive) : error;
  }
}

/** Moves the unpacked copy of an entry. */
export async function moveEntry(entry: Entry, folder: string): Promise<Entry> {
  await rename(entry.folder, folder);
  return { ...entry, folder };
}
