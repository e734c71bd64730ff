import { access } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative } from 'node:path';
import { UserError } from '../../userError.ts';
import type { Opened } from './seen.ts';
import { type Half, halfOf } from './splitColumn.ts';

/** A table of labels. */
export interface LocatedTable {
  readonly path: string;
  /** Path within the source; the last part of the path if it lies elsewhere. */
  readonly within: string;
  /** Folder of the table within the source, from which its paths may start. */
  readonly folder: string;
  /** The half of a split that its folder holds; undefined if that is not told by its folder. */
  readonly half: Half | undefined;
}

/**
 * Finds the table of labels, in the working directory or in the source; or one in the folder of each half of a split,
 * as the hub keeps `train/metadata.csv` and `test/metadata.csv`.
 *
 * @throws UserError if there is none
 */
export async function locateTables(labels: string, { place, listing }: Opened): Promise<LocatedTable[]> {
  const from = place.shown;
  const places = isAbsolute(labels) ? [labels] : [labels, join(from, labels)];
  for (const path of places) {
    if (await isThere(path)) return [located(path, from, undefined)];
  }
  const halves: LocatedTable[] = [];
  for (const { name } of isAbsolute(labels) ? [] : listing.folders) {
    const path = join(from, name, labels);
    const half = halfOf(name);
    if (half !== undefined && (await isThere(path))) halves.push(located(path, from, half));
  }
  if (halves.length > 0) return halves;
  throw new UserError({
    path: labels,
    option: '--labels',
    reason: `does not exist here or in ${from}`,
    remedy: 'Give the table of file names and labels.',
  });
}

function located(path: string, from: string, half: Half | undefined): LocatedTable {
  const within = relative(from, path);
  const isInside = !within.startsWith('..') && !isAbsolute(within);
  const shown = isInside ? within : path.slice(path.lastIndexOf('/') + 1);
  return { path, within: shown, folder: isInside ? dirname(within) : '', half };
}

function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    ({ code }) => code !== 'ENOENT' && code !== 'ENOTDIR',
  );
}
