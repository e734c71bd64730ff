import { rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { moveIntoPlace } from '../../datasets/atomicWrite.ts';
import { asSystemError, codeAndMeaning, ownership } from '../../datasets/systemError.ts';
import { UserError } from '../../datasets/userError.ts';
import type { StageName } from '../contract.ts';
import { makeOwnFolder } from '../sandbox/ownNames.ts';
import { walkTree } from '../sandbox/walkTree.ts';
import { commandDoubts } from './commandDoubts.ts';
import type { ArchiveLimits } from './limits.ts';
import { type Entry, loadEntry, pathOf } from './loadEntry.ts';
import { unpackEntry } from './takeEntry.ts';
import { writeArchive } from './writeArchive.ts';

/** Skipped everywhere: not part of an entry and different each time. */
export const leftOut = ['.git', '__pycache__', '.DS_Store'];

export interface PackedEntry extends Entry, Checked {
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
    await writeArchive(entry.folder, files, partial);
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
 * Checks a folder as intake would check its archive, by packing it into a temporary file.
 * @throws UserError if the folder is not an entry or contains something intake would reject
 */
export async function checkFolder(path: string, limits?: ArchiveLimits): Promise<Checked> {
  const entry = await loadEntry(path);
  const scratch = await makeOwnFolder('check');
  const archive = join(scratch, 'entry.tar.gz');
  try {
    await writeArchive(entry.folder, await filesOf(entry.folder), archive);
    return await checkArchive(archive, limits);
  } catch (error) {
    throw error instanceof UserError ? error.under(archive, entry.folder) : error;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** An entry that intake accepts. */
export interface Checked extends Omit<Entry, 'folder'> {
  /** What of its commands probably does not work, one sentence each, see commandDoubts.ts. */
  readonly doubts: readonly string[];
}

/**
 * Unpacks an archive as intake does, into a temporary folder.
 * @throws UserError that names what intake rejects
 */
export async function checkArchive(archive: string, limits?: ArchiveLimits): Promise<Checked> {
  const scratch = await makeOwnFolder('check');
  try {
    const { folder, manifest, sha256 } = await unpackEntry(archive, join(scratch, 'entry'), limits);
    const doubtsOf = async (stage: StageName) =>
      (await commandDoubts(folder, manifest[stage])).map((doubt) => `${stage}: ${doubt}`);
    return { manifest, sha256, doubts: [...(await doubtsOf('train')), ...(await doubtsOf('predict'))] };
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
