import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { hashFile } from '../intake/hashFile.ts';
import { hashFolder } from '../intake/loadEntry.ts';
import { leftOut } from '../intake/packEntry.ts';
import type { RunRecord } from '../run/record.ts';
import type { Cell } from './design.ts';

/** What decides the result of a run. Runs on the same terms are made once, whatever the specification says today. */
export interface StudyTerms {
  readonly entrySha256: string;
  /** Arguments added to the train command. */
  readonly words: readonly string[];
  readonly trainSeconds: number;
  readonly predictSeconds: number;
  readonly cpus: number;
  /** Null: what the machine has. */
  readonly memoryBytes: number | null;
  readonly sandbox: RunRecord['sandbox']['kind'];
  readonly seed: number;
  /** Hashes of the files of the Track. */
  readonly track: Readonly<Record<string, string>>;
}

/** Returns the folder of the runs on these terms: usually one, more after faults of the machine. */
export function jobFolder(outFolder: string, { sample, seed }: Cell, terms: StudyTerms): string {
  const track = Object.entries(terms.track).sort(([a], [b]) => (a < b ? -1 : 1));
  const sha256 = createHash('sha256')
    .update(JSON.stringify(Object.entries({ ...terms, track }).sort(([a], [b]) => (a < b ? -1 : 1))))
    .digest('hex');
  return join(outFolder, 'runs', `t${sample}-s${seed}-${sha256.slice(0, 16)}`);
}

/**
 * Returns a hash of an entry: of the file of an archive, or of all files of a folder without those that `haet pack`
 * leaves out, because running Python adds such files.
 */
export async function hashEntry(path: string): Promise<string> {
  return statSync(path).isDirectory() ? hashFolder(path, leftOut) : hashFile(path);
}
