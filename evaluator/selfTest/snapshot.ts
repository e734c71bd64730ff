import type { Stats } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** Per path below a folder: facts that change whenever the file is touched. */
export type Snapshot = ReadonlyMap<string, string>;

/**
 * Records everything below a folder except the folders left out. This includes the time of the inode's last change
 * (ctime), which no program can set: a change that is undone shows too.
 * @param leftOut absolute paths
 */
export async function takeSnapshot(folder: string, leftOut: readonly string[] = []): Promise<Snapshot> {
  const seen = new Map<string, string>();
  const visit = async (path: string): Promise<void> => {
    const entries = await readdir(path, { withFileTypes: true }).catch(asReason);
    if (typeof entries === 'string') return void seen.set(path, entries);
    for (const each of entries) {
      const below = join(path, each.name);
      if (leftOut.includes(below)) continue;
      const facts = await lstat(below).catch(asReason);
      seen.set(below, typeof facts === 'string' ? facts : describe(facts));
      if (each.isDirectory()) await visit(below);
    }
  };
  await visit(folder);
  return seen;
}

/** Lists the differences, one sentence each. */
export function differences(before: Snapshot, now: Snapshot): string[] {
  const found: string[] = [];
  for (const [path, facts] of now) {
    if (!before.has(path)) found.push(`${path} was made`);
    else if (before.get(path) !== facts) found.push(`${path} was changed`);
  }
  for (const path of before.keys()) if (!now.has(path)) found.push(`${path} was removed`);
  return found;
}

const describe = (facts: Stats): string =>
  [facts.ino, facts.mode, facts.size, facts.mtimeMs, facts.ctimeMs, facts.nlink, facts.uid].join(' ');

/** An entry may have taken the rights to a folder away, or nested it too deep for a path: what can be seen is enough. */
const asReason = (error: NodeJS.ErrnoException): string => `cannot be looked at: ${error.code}`;
