import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { recordFile } from '../../run/record.ts';
import { startFile } from '../../run/runFolder.ts';
import { unscoredFile } from '../../run/unscored.ts';
import { runFolders } from '../attempts.ts';

const numbered = z.looseObject({ attempt: z.int().positive() });
const unscored = z.looseObject({ record: numbered });

/**
 * Returns the first gap in the numbers of a job's attempts, as a sentence; null if there is none. Attempts are numbered
 * from 1 as they start, and one whose evaluator died keeps its start.json. A damaged record has no number, and accounts
 * for one.
 * @param outFolder folder of a grading
 */
export async function missingAttempt(outFolder: string): Promise<string | null> {
  for (const job of await runFolders(join(outFolder, 'runs'))) {
    const numbers = await Promise.all((await runFolders(job)).map(numberOf));
    const known = new Set(numbers);
    let damaged = numbers.filter((number) => number === null).length;
    const last = Math.max(0, ...numbers.map((number) => number ?? 0));
    for (let number = 1; number <= last; number++) {
      if (known.has(number)) continue;
      if (damaged-- > 0) continue;
      return `attempt ${number} of runs/${basename(job)} is missing, but attempt ${last} is there`;
    }
  }
  return null;
}

async function numberOf(run: string): Promise<number | null> {
  const record = numbered.safeParse(await readIfJson(join(run, recordFile)));
  if (record.success) return record.data.attempt;
  const waiting = unscored.safeParse(await readIfJson(join(run, unscoredFile)));
  if (waiting.success) return waiting.data.record.attempt;
  const start = numbered.safeParse(await readIfJson(join(run, startFile)));
  return start.success ? start.data.attempt : null;
}

async function readIfJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch {
    return null;
  }
}
