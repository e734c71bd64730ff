import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { recordFile } from '../run/record.ts';
import { unscoredFile } from '../run/unscored.ts';
import { attemptFolders } from './openAttempts.ts';
import { resultFolder } from './task.ts';

const prefix = 'superseded-';

/** Returns the name of the folder, in that of its attempt, of a finished run that came back after the decision. */
export const supersededFolder = (job: string): string => `${prefix}${job}`;

/** Lists the finished runs of a grading that came back too late to count. */
export async function supersededRuns(outFolder: string): Promise<string[]> {
  const found: string[] = [];
  for (const attempt of await attemptFolders(outFolder)) {
    if (!existsSync(join(attempt, recordFile))) continue;
    // A task that looked just before the decision leaves its run as a result.
    const late = (await readdir(attempt)).filter((name) => name.startsWith(prefix) || name === resultFolder);
    const whole = late.filter((name) => existsSync(join(attempt, name, unscoredFile)));
    found.push(...whole.map((name) => join(attempt, name)));
  }
  return found;
}
