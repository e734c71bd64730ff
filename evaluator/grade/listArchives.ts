import { constants, type Dirent } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { contentKind } from '../../datasets/contentKind.ts';
import { quoteUntrusted } from '../../datasets/quoteUntrusted.ts';
import { isPassedOver } from '../../datasets/sources/folder/passedOver.ts';
import { textName } from '../../datasets/textName.ts';
import { UserError } from '../../datasets/userError.ts';
import { hashFile } from '../intake/hashFile.ts';
import { liesIn } from '../sandbox/requireNotShown.ts';

const endings = ['.tar', '.tar.gz', '.tgz', '.zip'];
const ending = /(?:\.tar|\.tar\.gz|\.tgz|\.zip)$/i;

/** A submitted archive. */
export interface Submission {
  /** Its name in the folder. */
  readonly file: string;
  /** Absolute path. */
  readonly path: string;
  readonly sha256: string;
  /** Why it is not run, as a sentence; not given if it is. */
  readonly refused?: string | undefined;
}

/** A file of the folder that is not an archive, with the reason. */
export interface LeftOut {
  readonly file: string;
  readonly reason: string;
}

/**
 * Lists the archives of a folder: regular files with an archive's ending in any case, sorted by name (by code unit).
 * Archives with one name in two forms (`a.zip`, `a.tar.gz`) are listed as refused, because only a person knows which
 * one is the entry.
 * @param out folder of the results, which may lie in it and is passed over
 * @returns also everything else, except what operating systems leave behind, with the reason
 * @throws UserError if the folder cannot be read or contains no archive, or an archive cannot be read
 */
export async function listArchives(
  folder: string,
  out?: string,
): Promise<{ archives: Submission[]; leftOut: LeftOut[] }> {
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
  const leftOut: LeftOut[] = [];
  for (const each of found) {
    const name = textName(each.name);
    if (name === null) {
      leftOut.push({ file: quoteUntrusted(String(each.name)), reason: 'its name is not UTF-8' });
    } else if (!isOfSystem(name) && !(out !== undefined && liesIn(out, join(folder, name)))) {
      const reason = await whyNotAnArchive(folder, name, each);
      if (reason === null) files.push(name);
      else leftOut.push({ file: name, reason });
    }
  }
  leftOut.sort((a, b) => byCodeUnit(a.file, b.file));
  if (files.length === 0) {
    throw new UserError({
      path: resolve(folder),
      reason: `contains no archive (${endings.join(', ')})`,
      remedy: 'Put archives made by `haet pack` into it.',
      details: leftOut.slice(0, 20).map(({ file, reason }) => `${file}: ${reason}`),
    });
  }
  const archives: Submission[] = [];
  for (const file of files.sort(byCodeUnit)) archives.push(await readSubmission(folder, file));
  return { archives: archives.map((each) => ({ ...each, ...inOtherForms(each, archives) })), leftOut };
}

/** Whether an operating system left it behind. Other dot files are named, as they may be someone's entry. */
function isOfSystem(name: string): boolean {
  return isPassedOver(name) && (!name.startsWith('.') || name.startsWith('._') || name === '.DS_Store');
}

async function whyNotAnArchive(folder: string, name: string, facts: Dirent<Buffer>): Promise<string | null> {
  if (facts.isDirectory()) return 'a folder, not an archive';
  if (!facts.isFile()) return 'not a regular file';
  if (ending.test(name)) return null;
  const kind = await kindOf(join(folder, name));
  const wrongName = `its name does not end in ${endings.slice(0, -1).join(', ')} or ${endings.at(-1)}`;
  return kind === null ? wrongName : `${wrongName}; this is ${kind}`;
}

/** Names what a file is by its first bytes; null if they cannot be read or are not recognised. */
async function kindOf(path: string): Promise<string | null> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const file = await open(path, flags).catch(() => null);
  try {
    const read = await file?.read(Buffer.alloc(512), 0, 512, 0);
    const kind = read === undefined ? null : contentKind(read.buffer.subarray(0, read.bytesRead));
    return kind?.replace(/ \(.*\)$/, '') ?? null; // a ZIP among archives is no .npz
  } catch {
    return null;
  } finally {
    await file?.close();
  }
}

/** Refuses an archive beside others of its name and with other bytes. */
function inOtherForms({ file, sha256 }: Submission, all: readonly Submission[]): Pick<Submission, 'refused'> {
  const others = all.filter(
    (other) => other.file !== file && other.sha256 !== sha256 && stem(other.file) === stem(file),
  );
  if (others.length === 0) return {};
  const names = others.map((other) => other.file).join(', ');
  return {
    refused: `not run: ${names} has the same name in another form, and only one of them can be the entry; remove the others`,
  };
}

const stem = (file: string): string => file.replace(ending, '').normalize('NFC');

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
