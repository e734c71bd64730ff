import { join, resolve, sep } from 'node:path';

/**
 * Returns the default parent of run folders: `runs` in the current folder. If that is in the entry, it is beside the
 * entry, because runs inside would become part of it.
 */
export function runsFolderFor(entry: string, current: string = process.cwd()): string {
  const folder = resolve(current, entry);
  return `${current}${sep}`.startsWith(`${folder}${sep}`) ? join(folder, '../runs') : 'runs';
}
