import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceFile } from '../../datasets/atomicWrite.ts';
import { describeFault } from '../../datasets/describeFault.ts';
import { plainText } from '../../datasets/plainText.ts';
import { asSystemError } from '../../datasets/systemError.ts';
import { UserError } from '../../datasets/userError.ts';
import { hashFile } from '../intake/hashFile.ts';
import type { ArchiveLimits } from '../intake/limits.ts';
import { checkArchive } from '../intake/packEntry.ts';
import { formatCsv } from './csv.ts';
import type { LeftOut, Submission } from './listArchives.ts';

/** One line per file that was ever in the folder of archives, beside the leaderboard's folder; only added to. */
export const receiptsFile = 'receipts.csv';
const accepted = 'accepted';

/** A file with what intake says of it. */
interface Receipt {
  readonly file: string;
  /** Empty for what is not a regular file. */
  readonly sha256: string;
  readonly intake: string;
}

/**
 * Adds a receipt for every file of a folder that has none yet: name, sha256, time at which it was first seen, verdict of
 * intake. A receipt that was written is never changed. The same bytes under the same name get another one only if intake
 * rejected them before and now says something else, as with other limits.
 * @param outFolder folder of the grading
 * @param folder with the files
 * @throws UserError if receipts.csv is damaged or cannot be written
 */
export async function addReceipts(
  outFolder: string,
  folder: string,
  { archives, leftOut }: { readonly archives: readonly Submission[]; readonly leftOut: readonly LeftOut[] },
  limits?: ArchiveLimits,
): Promise<void> {
  const path = join(outFolder, receiptsFile);
  const lines = await readLines(path);
  const known = (receipt: Receipt) => lines.some(isLineOf(receipt));
  const time = new Date().toISOString();
  const added: string[] = [];
  const add = (receipt: Receipt) => {
    if (!known(receipt)) added.push(lineOf(receipt, time));
  };
  for (const { file, reason } of leftOut) {
    const sha256 = await hashFile(join(folder, file)).catch(() => '');
    add({ file, sha256, intake: `left out: ${reason}` });
  }
  for (const archive of archives) {
    const { file, sha256 } = archive;
    if (archive.refused === undefined && known({ file, sha256, intake: accepted })) continue;
    add({ file, sha256, intake: await intakeOf(archive, limits) });
  }
  if (added.length === 0) return;
  const text = [head, ...lines, ...added].map((line) => `${line}\r\n`).join('');
  await replaceFile(path, text).catch((error) => {
    throw new UserError({
      path,
      reason: `cannot be written (${describeFault(error)})`,
      remedy: 'Free some space or give a writable folder.',
    });
  });
}

async function intakeOf({ path, refused }: Submission, limits: ArchiveLimits | undefined): Promise<string> {
  if (refused !== undefined) return refused;
  try {
    await checkArchive(path, limits);
    return accepted;
  } catch (error) {
    if (error instanceof UserError) return `rejected: ${error.about({ path: undefined }).message}`;
    const fault = asSystemError(error);
    if (fault === null) throw error;
    return `not checked, because of this machine: ${describeFault(error)}`;
  }
}

const columns = (file: string, sha256: string, firstSeen: string, intake: string): string =>
  formatCsv([[plainText(file), sha256, firstSeen, plainText(intake)]]).trimEnd();
const head = columns('file', 'sha256', 'first_seen', 'intake');
const lineOf = ({ file, sha256, intake }: Receipt, time: string): string =>
  columns(file, sha256, time, intake);

/** Returns whether a line is the receipt, whenever it was written. The time between the other cells needs no quotes. */
function isLineOf(receipt: Receipt): (line: string) => boolean {
  const [before = '', after = ''] = lineOf(receipt, '\0').split('\0');
  return (line) =>
    line.startsWith(before) && line.endsWith(after) && isTime(line.slice(before.length, -after.length));
}

const isTime = (text: string): boolean => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(text);

/** Reads the lines below the head. A cell contains no line break, because plainText replaces them. */
async function readLines(path: string): Promise<string[]> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return `${head}\r\n`;
    throw new UserError({ path, reason: `cannot be read (${error.code})`, remedy: 'Make it readable.' });
  });
  const [first, ...lines] = text.split('\r\n');
  if (first === head && lines.pop() === '') return lines;
  throw new UserError({
    path,
    reason: 'is not a list of receipts as haet writes it',
    remedy: 'Restore it, because the times in it are kept nowhere else; or move it away.',
  });
}

/**
 * Returns the first archive without a receipt, as a sentence; null if each has one.
 * @throws UserError if receipts.csv is damaged
 */
export async function receiptsFault(
  outFolder: string,
  archives: readonly { readonly file: string; readonly sha256: string }[],
): Promise<string | null> {
  const lines = await readLines(join(outFolder, receiptsFile));
  const without = archives.find(({ file, sha256 }) => {
    const [before = ''] = columns(file, sha256, '\0', '').split('\0');
    return !lines.some((line) => line.startsWith(before));
  });
  return without === undefined ? null : `${plainText(without.file)} has no receipt in ${receiptsFile}`;
}
