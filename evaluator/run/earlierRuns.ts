import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { recordFile } from './record.ts';
import { startFile } from './runFolder.ts';
import { unscoredFile } from './unscored.ts';

/**
 * Counts the earlier runs of an entry and seed in a folder, including runs whose evaluator died and runs that are not
 * scored yet.
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

/** Reads the facts of a run from its folder, in any state; null if it is not a run. */
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
