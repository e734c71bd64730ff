import type { Stats } from 'node:fs';
import { join } from 'node:path';
import { walkTree } from '../sandbox/walkTree.ts';

/** Per path below a folder: facts that change whenever the file is touched. */
export type Snapshot = ReadonlyMap<string, string>;

/**
 * Records everything below a folder except the folders left out. This includes the time of the inode's last change
 * (ctime), which no program can set: a change that is undone shows too.
 * @param leftOut absolute paths
 */
export async function takeSnapshot(folder: string, leftOut: readonly string[] = []): Promise<Snapshot> {
  const seen = new Map<string, string>();
  await walkTree(folder, {
    visit({ facts, relative }) {
      const path = join(folder, String(relative()));
      if (leftOut.includes(path)) return 'skip';
      seen.set(path, describe(facts));
      return undefined;
    },
    onUnseen(error, at) {
      // An entry may have shut its folders or nested them too deep: as far as can be seen is enough.
      const path = join(folder, String(at()));
      if (!leftOut.includes(path)) seen.set(path, `cannot be looked at: ${error.code}`);
      return undefined;
    },
  });
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
