import { MOST_LISTED } from './fault.ts';

const spacesAtEnd = /\s+(?=\.[^.]*$|$)/g;
const withoutSpaces = (name: string) => name.replace(spacesAtEnd, '');

/**
 * Finds names that are different here but one file on a system that ignores case, normalizes Unicode or drops spaces at
 * the end.
 * @param paths with `/` between the folders
 * @returns one sentence per pair, at most 20, then how many more
 */
export function nameClashes(paths: readonly string[]): string[] {
  const first = new Map<string, string>();
  const found: string[] = [];
  for (const path of paths) {
    const key = withoutSpaces(path.normalize('NFC').toLowerCase());
    const other = first.get(key);
    if (other === undefined) first.set(key, path);
    else if (other !== path) {
      found.push(`"${other}" and "${path}" differ only in ${difference(other, path)}.`);
    }
  }
  const more = found.length - MOST_LISTED;
  return more > 0 ? [...found.slice(0, MOST_LISTED), `${more} more names differ only so.`] : found;
}

function difference(a: string, b: string): string {
  if (a.normalize('NFC') === b.normalize('NFC')) return 'Unicode normalization (NFC, NFD)';
  return a.normalize('NFC').toLowerCase() === b.normalize('NFC').toLowerCase() ? 'case' : 'spaces at the end';
}
