import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { describeFault } from '../describeFault.ts';
import { UserError } from '../userError.ts';

/** Files of a source that are tables, by the half of the data set that they hold. */
export interface SplitTables {
  readonly train: readonly string[];
  readonly test: readonly string[];
}

/** Folders inside folders that are searched. */
const MOST_DEPTH = 3;
const testNames = /^test(?![a-z])/i;
const validationNames = /^(?:val|valid|validation|eval)(?![a-z])/i;
const trainNames = /^train(?![a-z])/i;
const splits = [trainNames, testNames, validationNames];

/** Returns the tables at or below a folder, sorted by name; names that start with a dot are passed over. */
export async function findTables(folder: string, extension: string, depth = 0): Promise<string[]> {
  const entries = (await readdir(folder, { withFileTypes: true })).filter(
    ({ name }) => !name.startsWith('.'),
  );
  const found = await Promise.all(
    entries.map(async (entry): Promise<string[]> => {
      const path = join(folder, entry.name);
      const kind = entry.isSymbolicLink() ? await stat(path).catch(() => null) : entry;
      if (kind?.isDirectory()) return depth < MOST_DEPTH ? findTables(path, extension, depth + 1) : [];
      return kind?.isFile() && entry.name.toLowerCase().endsWith(`.${extension}`) ? [path] : [];
    }),
  );
  // By code unit, so that the order is the same everywhere.
  return found.flat().sort((a, b) => (a < b ? -1 : 1));
}

/**
 * Finds the tables of a source: a single file, which holds the training images, or a folder, in which the name of a
 * file or of the folder around it begins with `train`, `test` or `validation`, as hubs name them. Validation files are
 * taken for test files if there are no others.
 *
 * @throws UserError if there is none
 */
export async function splitTables(from: string, extension: string, remedy: string): Promise<SplitTables> {
  const kind = await stat(from).catch((error) => {
    throw new UserError({ path: from, reason: `cannot be read (${describeFault(error)})`, remedy });
  });
  if (!kind.isDirectory()) return { train: [from], test: [] };
  const files = await findTables(from, extension);
  if (files.length === 0) throw new UserError({ path: from, reason: `has no .${extension} file`, remedy });
  const isNamed = (names: RegExp) => (path: string) => {
    const parts = path.slice(from.length).split('/').reverse();
    const named = parts.find((part) => splits.some((split) => split.test(part)));
    return named !== undefined && names.test(named);
  };
  const train = files.filter(isNamed(trainNames));
  if (train.length > 0) {
    const test = files.filter(isNamed(testNames));
    return { train, test: test.length > 0 ? test : files.filter(isNamed(validationNames)) };
  }
  if (files.length === 1) return { train: files, test: [] };
  throw new UserError({
    path: from,
    reason: `has ${files.length} .${extension} files, none named train: ${files
      .slice(0, 5)
      .map((path) => basename(path))
      .join(', ')}`,
    remedy,
  });
}
