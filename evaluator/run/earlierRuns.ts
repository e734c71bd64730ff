import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { recordFile } from './record.ts';
import { startFile } from './runFolder.ts';
import { unscoredFile } from './unscored.ts';

/**
 * Counts the runs of an entry with a seed that lie in a folder of runs, also those whose evaluator died and those that
 * await their score: the next one is then told from a first one.
 * @param archiveSha256 null for entries that came as a folder
 */
export async function countEarlierRuns(
  folder: string,
  archiveSha256: string | null,
  seed: number,
): Promise<number> {
  const found = await readdir(folder, { withFileTypes: true }).catch(() => []);
  let count = 0;
  for (const each of found) {
    if (!each.isDirectory() || each.name.startsWith('.')) continue;
    const run = await readAny(join(folder, each.name));
    if (run !== null && run.archiveSha256 === archiveSha256 && run.seed === seed) count += 1;
  }
  return count;
}

/** What the folder of a run says of it, in whatever state it is; null where it is none. */
async function readAny(run: string): Promise<{ archiveSha256: unknown; seed: unknown } | null> {
  for (const file of [recordFile, unscoredFile, startFile]) {
    try {
      const value = JSON.parse(await readFile(join(run, file), 'utf8'));
      return value.record ?? value;
    } catch {
      // not in this state
    }
  }
  return null;
}
