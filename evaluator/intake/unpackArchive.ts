import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, rm } from 'node:fs/promises';
import { codeAndMeaning, isDenied, ownership } from '../../datasets/systemError.ts';
import { UserError } from '../../datasets/userError.ts';
import { type ArchiveFormat, archiveFormat, packRemedy } from './archiveFormat.ts';
import { type ArchiveLimits, archiveLimitsSchema } from './limits.ts';
import { createMemberFiles, type MemberFiles } from './memberFiles.ts';
import { createMemberRules, type MemberRules } from './memberRules.ts';
import { readTar } from './readTar.ts';
import { readZip } from './readZip.ts';

/** An open archive, and its size in bytes. */
export interface OpenArchive {
  readonly handle: FileHandle;
  readonly size: number;
}

/** Reads every member of an archive, has it accepted by the rules, and writes it. */
export type ReadArchive = (
  archive: OpenArchive,
  to: { readonly rules: MemberRules; readonly files: MemberFiles; readonly limits: ArchiveLimits },
) => Promise<void>;

const readers = { tar: readTar, zip: readZip };

/**
 * Unpacks the archive of an entry (tar, tar.gz or zip) into a folder that must not exist yet. Unpacks regular files
 * and folders without owners, times and special modes. Everything is checked before it is written; an archive that
 * breaks a rule leaves nothing behind.
 *
 * @throws UserError that names the archive, the member and the rule that it breaks
 * @throws Error with a system error code if this machine cannot read the archive or write the files
 */
export async function unpackArchive(
  archive: string,
  into: string,
  limits: ArchiveLimits = archiveLimitsSchema.parse({}),
): Promise<void> {
  const opened = await openArchive(archive, limits);
  try {
    const format = await archiveFormat(opened.handle);
    await mkdir(into);
    await unpack(opened, format, into, limits).catch(async (error) => {
      await rm(into, { recursive: true, force: true });
      throw error;
    });
  } catch (error) {
    throw error instanceof UserError ? error.about({ path: archive }) : error;
  } finally {
    await opened.handle.close();
  }
}

/** @throws UserError if it is not a regular file that can be read, or is too large. Links are not followed. */
async function openArchive(path: string, limits: ArchiveLimits): Promise<OpenArchive> {
  // Opening a pipe would otherwise block until a writer appears.
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const handle = await open(path, flags).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ELOOP') throw new UserError({ path, reason: 'is not a regular file, but a link' });
    if (error.code === 'ENXIO') throw new UserError({ path, reason: 'is not a regular file' });
    throw new UserError({
      path,
      reason: `cannot be read (${codeAndMeaning(error)}${isDenied(error) ? ownership(path) : ''})`,
    });
  });
  try {
    const facts = await handle.stat();
    if (facts.isDirectory())
      throw new UserError({ path, reason: 'is a folder, not an archive', remedy: packRemedy });
    if (!facts.isFile()) throw new UserError({ path, reason: 'is not a regular file' });
    if (facts.size > limits.archiveBytes) {
      throw new UserError({ path, reason: `has ${facts.size} bytes, maximum ${limits.archiveBytes}` });
    }
    return { handle, size: facts.size };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function unpack(
  archive: OpenArchive,
  format: ArchiveFormat,
  into: string,
  limits: ArchiveLimits,
): Promise<void> {
  const rules = createMemberRules(limits, archive.size);
  const files = createMemberFiles(into);
  try {
    await readers[format](archive, { rules, files, limits });
  } finally {
    files.close();
  }
  if (rules.count === 0) throw new UserError(`is an empty ${format} archive`);
}
