import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceFile } from '../../datasets/atomicWrite.ts';
import { plainJson } from '../../datasets/plainText.ts';
import { UserError } from '../../datasets/userError.ts';
import { leaderboardCsv } from './leaderboardCsv.ts';
import { leaderboardMarkdown } from './leaderboardMarkdown.ts';
import type { Standing } from './standing.ts';

export const leaderboardFiles = {
  markdown: 'leaderboard.md',
  csv: 'leaderboard.csv',
  json: 'leaderboard.json',
} as const;

/**
 * Writes the leaderboard in all its forms; each file is replaced atomically.
 * @throws UserError if writing fails
 */
export async function writeStanding(folder: string, standing: Standing): Promise<void> {
  await mkdir(folder, { recursive: true });
  await write(leaderboardFiles.json, `${plainJson(standing, 2)}\n`);
  await write(leaderboardFiles.csv, leaderboardCsv(standing));
  await write(leaderboardFiles.markdown, leaderboardMarkdown(standing));

  async function write(file: string, text: string): Promise<void> {
    await replaceFile(join(folder, file), text).catch((error: NodeJS.ErrnoException) => {
      throw new UserError({
        path: join(folder, file),
        reason: `cannot be written (${error.code ?? error})`,
        remedy: 'Free some space or give a writable folder.',
      });
    });
  }
}
