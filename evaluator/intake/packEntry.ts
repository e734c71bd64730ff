import { rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { create } from 'tar';
import { moveIntoPlace } from '../../datasets/atomicWrite.ts';
import { UserError } from '../../datasets/userError.ts';
import { makeOwnFolder } from '../sandbox/ownNames.ts';
import { walkTree } from '../stage/walkTree.ts';
import type { ArchiveLimits } from './limits.ts';
import { type Entry, loadEntry, pathOf } from './loadEntry.ts';
import { unpackEntry } from './takeEntry.ts';

/** Left out wherever they are: no part of an entry, and different at every packing. */
export const leftOut = ['.git', '__pycache__', '.DS_Store'];

export interface PackedEntry extends Entry {
  /** Relative paths of what went in. */
  readonly files: readonly string[];
}

/**
 * Writes an entry's folder as `tar.gz`. The same files give the same bytes: sorted, without owners or times. The
 * archive is put in place only after it was taken in as an organizer would take it.
 *
 * @throws UserError when the folder is no entry, or holds what intake would refuse
 */
export async function packEntry(folder: string, archive: string): Promise<PackedEntry> {
  const entry = await loadEntry(folder);
  const target = resolve(archive);
  const files = (await filesOf(entry.folder)).filter((file) => join(entry.folder, file) !== target);
  const partial = `${target}.part`;
  try {
    await create(
      {
        cwd: entry.folder,
        file: partial,
        gzip: true,
        portable: true,
        mtime: new Date(0),
        noDirRecurse: true,
        strict: true,
      },
      files.map((file) => `./${file}`), // a name that starts with @ would be read as an archive
    );
    const checked = await checkArchive(partial);
    await moveIntoPlace(partial, target);
    return { ...checked, folder: entry.folder, files };
  } catch (error) {
    await rm(partial, { force: true });
    if (error instanceof UserError) throw error.under(partial, target);
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'EACCES' || code === 'ENOSPC' || code === 'ENOTDIR') {
      throw new UserError({
        path: target,
        reason: `cannot be written (${code})`,
        remedy: 'Give a place that you may write to.',
      });
    }
    throw error;
  }
}

/**
 * Takes an archive in as an organizer does, into a folder that is removed again.
 * @throws UserError naming what intake refuses
 */
export async function checkArchive(archive: string, limits?: ArchiveLimits): Promise<Omit<Entry, 'folder'>> {
  const scratch = await makeOwnFolder('check');
  try {
    const { manifest, sha256 } = await unpackEntry(archive, join(scratch, 'entry'), limits);
    return { manifest, sha256 };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function filesOf(folder: string): Promise<string[]> {
  const found: string[] = [];
  await walkTree(folder, {
    visit(each) {
      if (leftOut.includes(String(each.name))) return 'skip';
      const path = pathOf(folder, each);
      if (each.facts.isFile()) found.push(path);
      else if (!each.facts.isDirectory()) {
        throw new UserError({
          path: join(folder, path),
          reason: 'only regular files go into an archive',
          remedy: 'Put the file itself there.',
        });
      }
      return undefined;
    },
  });
  if (dirname(folder) === folder) {
    throw new UserError({ path: folder, reason: 'is the root of the file system, no entry' });
  }
  return found.sort((a, b) => (a < b ? -1 : 1));
}
