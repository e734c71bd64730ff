import { join } from 'node:path/posix';
import { isImageName } from './imageFormats.ts';
import type { Place } from './listFolder.ts';
import { isHeldOut, isTraining } from './roles.ts';

/** Finds files by the names that tables use. */
export interface FileIndex {
  /**
   * @param cell a path within the source, or the end of one, or the path that leads into the source; with or without
   * the suffix of an image
   * @param below folders within the source that the path may start from; these are tried first
   * @returns the files that it can mean: none, one, or several
   */
  find(cell: string, below?: readonly string[]): readonly Place[];
}

/**
 * Builds an index of a source's files. If folders of training and of held-out images lie beside each other, a name
 * without a folder means a training image, because the labels of the others are usually withheld.
 */
export function indexFiles(files: readonly Place[]): FileIndex {
  const whole = new Map<string, Place[]>();
  const ends = new Map<string, Place[]>();
  const hasTraining = files.some((file) => foldersOf(file).some(isTraining));
  for (const file of files) {
    const path = file.within.normalize('NFC');
    add(whole, path, file);
    const isWithheld = hasTraining && foldersOf(file).some((name) => isHeldOut(name) && !isTraining(name));
    for (const key of isImageName(path) ? [path, withoutSuffix(path)] : [path]) {
      if (key !== path) add(whole, key, file);
      if (isWithheld) continue;
      for (let cut = key.indexOf('/'); cut !== -1; cut = key.indexOf('/', cut + 1)) {
        add(ends, key.slice(cut + 1), file);
      }
    }
  }
  const exact = (path: string) => whole.get(path) ?? ends.get(path);
  return {
    find(cell, below = []) {
      for (const folder of below) {
        const found = whole.get(join(folder, cell.normalize('NFC').replaceAll('\\', '/')));
        if (found !== undefined) return found;
      }
      let path = cell
        .normalize('NFC')
        .replaceAll('\\', '/')
        .replace(/^(\.?\/)+/, '');
      // A path in a table may start above the folder that was given.
      for (;;) {
        const found = exact(path);
        if (found !== undefined) return found;
        const cut = path.indexOf('/');
        if (cut === -1) return [];
        path = path.slice(cut + 1);
      }
    },
  };
}

const foldersOf = ({ within }: Place): string[] => within.split('/').slice(0, -1);
const withoutSuffix = (path: string): string => path.slice(0, path.lastIndexOf('.'));

function add(index: Map<string, Place[]>, key: string, file: Place): void {
  const found = index.get(key);
  if (found === undefined) index.set(key, [file]);
  else if (!found.includes(file)) found.push(file);
}
