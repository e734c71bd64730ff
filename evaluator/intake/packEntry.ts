import { rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { create } from 'tar';
import { moveIntoPlace } from '../../datasets/atomicWrite.ts';
import { asSystemError, codeAndMeaning, ownership } from '../../datasets/systemError.ts';
import { UserError } from '../../datasets/userError.ts';
import { makeOwnFolder } from '../sandbox/ownNames.ts';
import { walkTree } from '../sandbox/walkTree.ts';
import type { ArchiveLimits } from './limits.ts';
import { type Entry, loadEntry, pathOf } from './loadEntry.ts';
import { unpackEntry } from './takeEntry.ts';

/** Skipped everywhere: not part of an entry and different each time. */
export const leftOut = ['.git', '__pycache__', '.DS_Store'];

export interface PackedEntry extends Entry {
  /** Relative paths of the packed files. */
  readonly files: readonly string[];
}

/**
 * Writes an entry's folder as `tar.gz`. The same files give the same bytes: sorted, without owners or times. The
 * archive appears only after it passed intake.
 *
 * @throws UserError if the folder is not an entry or contains something intake would reject
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
      files.map((file) => `./${file}`), // tar reads a name that starts with @ as an archive
    );
    const checked = await checkArchive(partial);
    await moveIntoPlace(partial, target);
    return { ...checked, folder: entry.folder, files };
  } catch (error) {
    await rm(partial, { force: true });
    if (error instanceof UserError) throw error.under(partial, target);
    // An error of a file of the entry names that file.
    const fault = asSystemError(error);
    if (fault === null || (fault.path !== undefined && fault.path !== partial)) throw error;
    throw new UserError({
      option: '--out',
      path: target,
      reason: `cannot be written (${codeAndMeaning(fault)}${ownership(target)})`,
      remedy: 'Give a path where you can write.',
    });
  }
}

/**
 * Unpacks an archive as intake does, into a temporary folder.
 * @throws UserError that names what intake rejects
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
          reason: 'only regular files can be packed',
          remedy: 'Replace it by the file itself.',
        });
      }
      return undefined;
    },
  });
  if (dirname(folder) === folder) {
    throw new UserError({ path: folder, reason: 'is the root of the file system, not an entry' });
  }
  return found.sort((a, b) => (a < b ? -1 : 1));
}
