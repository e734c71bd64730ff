import { writeFile } from 'node:fs/promises';
import { plainText } from '../../plainText.ts';
import { stopped, UserError } from '../../userError.ts';

/** Something in an image folder that cannot be read as it is. */
export interface Fault {
  /** The file, folder or row at fault, as the user would name it. */
  readonly shown: string;
  /** The same without the path to the source, which would make Tracks of one source differ. */
  readonly within: string;
  /** What is wrong, without a final period. */
  readonly reason: string;
  /** What to do about it: one sentence. */
  readonly remedy: string;
  /** Whether `--skip-unreadable` may leave it out: a single file can be, a class cannot. */
  readonly canBeSkipped: boolean;
}

/** Faults that are printed or recorded one by one; the others are counted. */
export const MOST_LISTED = 20;

/** Sorts by name, so that every run reports the same faults in the same order. */
export function sortFaults(faults: readonly Fault[]): Fault[] {
  return faults.toSorted((a, b) => (a.shown < b.shown ? -1 : a.shown > b.shown ? 1 : 0));
}

const describe = ({ shown, reason }: Fault): string => `${shown}: ${reason}`;

/** Writes one line per fault to a file. Returns whether that worked. */
export function writeList(faults: readonly Fault[], path: string): Promise<boolean> {
  return isSaved(
    path,
    faults.map((fault) => `${plainText(describe(fault))}\n`),
  );
}

/** Writes lines to a file. Returns whether that worked. */
export function isSaved(path: string, lines: readonly string[]): Promise<boolean> {
  return writeFile(path, lines.join('')).then(
    () => true,
    () => false,
  );
}

/** Returns the first 20 faults, one line each, and where to find the others. */
async function listFaults(faults: readonly Fault[], listTo: string | undefined): Promise<string[]> {
  const lines = faults.slice(0, MOST_LISTED).map(describe);
  const more = faults.length - lines.length;
  if (more <= 0) return lines;
  const isWritten = listTo !== undefined && (await writeList(faults, listTo));
  return [...lines, isWritten ? `and ${more} more; the whole list is in ${listTo}` : `and ${more} more`];
}

/**
 * Returns the error that reports all faults of a folder at once. `faults` must not be empty.
 * @param things what is at fault: `files or folders`
 */
export async function errorOf(
  from: string,
  things: string,
  faults: readonly Fault[],
  listTo: string | undefined,
): Promise<UserError> {
  const [first, ...others] = faults;
  const skip = faults.every((fault) => fault.canBeSkipped)
    ? ' To make the Track without it, add --skip-unreadable.'
    : '';
  if (others.length === 0) {
    return new UserError({ path: first!.shown, reason: first!.reason, remedy: first!.remedy + skip });
  }
  const remedies = [...new Set(faults.map((fault) => fault.remedy))].slice(0, 5);
  return new UserError({
    path: from,
    reason: `${faults.length} ${things} cannot be used`,
    details: await listFaults(faults, listTo),
    remedy: stopped(remedies.join(' ')) + skip.replace('without it', 'without them'),
  });
}
