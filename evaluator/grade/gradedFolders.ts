import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';

/** What may be published while the contest runs: the leaderboard. */
export const publicFolder = (out: string): string => join(out, 'public');
/** The runs with their logs, reports and records: for the organizer, until the labels are revealed. */
export const runsFolder = (out: string): string => join(out, 'runs');

/** Makes the folders of a grading; nobody else may look into that of the runs. */
export async function makeGradedFolders(out: string): Promise<void> {
  await mkdir(publicFolder(out), { recursive: true });
  await mkdir(runsFolder(out), { recursive: true });
  await chmod(runsFolder(out), 0o700);
}
