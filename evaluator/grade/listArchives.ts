import { readdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { quoteUntrusted } from '../../datasets/quoteUntrusted.ts';
import { textName } from '../../datasets/textName.ts';
import { UserError } from '../../datasets/userError.ts';
import { hashFile } from '../intake/hashFile.ts';

const endings = ['.tar', '.tar.gz', '.tgz'];

/** A submitted archive. */
export interface Submission {
  /** Its name in the folder. */
  readonly file: string;
  /** Absolute path. */
  readonly path: string;
  readonly sha256: string;
}

/**
 * Lists the archives of a folder: regular files named *.tar, *.tar.gz or *.tgz, sorted by name (by code unit).
 * @returns also the names of other files, so that they can be reported
 * @throws UserError if the folder cannot be read or contains no archive, or an archive cannot be read
 */
export async function listArchives(folder: string): Promise<{ archives: Submission[]; others: string[] }> {
  const found = await readdir(folder, { withFileTypes: true, encoding: 'buffer' }).catch(
    (error: NodeJS.ErrnoException) => {
      throw new UserError({
        path: resolve(folder),
        reason: `cannot be read (${error.code})`,
        remedy: 'Give the folder with the archives.',
      });
    },
  );
  const files: string[] = [];
  const others: string[] = [];
  for (const each of found) {
    const name = textName(each.name);
    const isArchive = each.isFile() && endings.some((ending) => name?.endsWith(ending));
    if (name === null)
      others.push(`${quoteUntrusted(String(each.name))} (a name that is not UTF-8: rename it)`);
    else (isArchive ? files : others).push(name);
  }
  files.sort(byCodeUnit);
  if (files.length === 0) {
    throw new UserError({
      path: resolve(folder),
      reason: `contains no archive (${endings.join(', ')})`,
      remedy: 'Put archives made by `haet pack` into it.',
    });
  }
  const archives: Submission[] = [];
  for (const file of files) archives.push(await readSubmission(folder, file));
  return { archives, others: others.sort(byCodeUnit) };
}

async function readSubmission(folder: string, file: string): Promise<Submission> {
  const path = resolve(folder, file);
  const sha256 = await hashFile(path).catch((error: NodeJS.ErrnoException) => {
    throw new UserError({
      path,
      reason: `cannot be read (${error.code})`,
      remedy: 'Make it readable or remove it.',
    });
  });
  return { file, path, sha256 };
}

const byCodeUnit = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
