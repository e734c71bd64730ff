import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { leaderboardCsv } from './leaderboardCsv.ts';
import { leaderboardMarkdown } from './leaderboardMarkdown.ts';
import type { Standing } from './standing.ts';
import { writeWhole } from './writeWhole.ts';

export const leaderboardFiles = {
  markdown: 'leaderboard.md',
  csv: 'leaderboard.csv',
  json: 'leaderboard.json',
} as const;

/** Writes the leaderboard in all its forms; each file is the old one or the new one, never half of one. */
export async function writeStanding(folder: string, standing: Standing): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeWhole(join(folder, leaderboardFiles.json), `${JSON.stringify(standing, null, 2)}\n`);
  await writeWhole(join(folder, leaderboardFiles.csv), leaderboardCsv(standing.rows));
  await writeWhole(join(folder, leaderboardFiles.markdown), leaderboardMarkdown(standing));
}
