import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';

/** Folder that can be published during the contest: the leaderboard. */
export const publicFolder = (out: string): string => join(out, 'public');
/** Folder of the runs with their logs, reports and records: only for the organizer until the labels are revealed. */
export const runsFolder = (out: string): string => join(out, 'runs');

/** Creates the folders of a grading; the runs' folder is readable by its owner only. */
export async function makeGradedFolders(out: string): Promise<void> {
  await mkdir(publicFolder(out), { recursive: true });
  await mkdir(runsFolder(out), { recursive: true });
  await chmod(runsFolder(out), 0o700);
}
