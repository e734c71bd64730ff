import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { recordFile } from '../run/record.ts';
import { officialRecordFile } from './officialRecord.ts';

/** `haet grade --out` has its runs in runs/JOB/RUN, `haet official --out` in RUN. */
const deepest = 3;

/**
 * Every record.jws in a folder of runs, in order of path. The folder of a run is not looked into any further: what lies
 * deeper there is of the entry.
 * @throws Error when the folder cannot be read
 */
export async function findRecordFiles(folder: string, depth = 0): Promise<string[]> {
  const found = await readdir(folder, { withFileTypes: true });
  const names = new Set(found.map((each) => each.name));
  const record = found.find((each) => each.name === officialRecordFile && each.isFile());
  if (record !== undefined) return [join(folder, record.name)];
  // A run that was not signed, or never ended.
  if (names.has(recordFile) || names.has('model') || depth === deepest) return [];
  const deeper: string[] = [];
  for (const each of found.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    // What is being taken in, or was when its evaluator died, is no run.
    if (!each.isDirectory() || each.name.startsWith('.')) continue;
    deeper.push(...(await findRecordFiles(join(folder, each.name), depth + 1)));
  }
  return deeper;
}
