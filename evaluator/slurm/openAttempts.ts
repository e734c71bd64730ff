import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { runFolders } from '../grade/attempts.ts';
import { runsFolder } from '../grade/gradedFolders.ts';
import { isOpen } from '../grade/issued.ts';

/** Lists the folders of all attempts of a grading. */
export async function attemptFolders(outFolder: string): Promise<string[]> {
  const runs = runsFolder(outFolder);
  const jobs = await readdir(runs).catch((): string[] => []);
  const attempts: string[] = [];
  for (const job of jobs) attempts.push(...(await runFolders(join(runs, job))));
  return attempts;
}

/** Lists the folders of the attempts that were given to Slurm and are not decided. */
export async function openAttempts(outFolder: string): Promise<string[]> {
  return (await attemptFolders(outFolder)).filter(isOpen);
}
