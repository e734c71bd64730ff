import type { ArchiveLimits } from '../intake/limits.ts';
import { readEarlierTeams } from './earlierTeams.ts';
import { runsFolder } from './gradedFolders.ts';
import type { Submission } from './listArchives.ts';
import { tooManyOfTeam } from './perTeam.ts';

/**
 * Returns the archives that are not run: those with one name in two forms, and those beyond a team's limit. Baselines
 * do not count for their team, unless the same bytes are there under another name.
 * @returns sha256 of each, with the reason
 */
export async function refusedArchives({
  archives,
  perTeam,
  baselines = [],
  outFolder,
  intake,
}: {
  readonly archives: readonly Submission[];
  readonly perTeam?: number;
  readonly baselines?: readonly string[];
  readonly outFolder: string;
  readonly intake?: ArchiveLimits;
}): Promise<Map<string, string>> {
  const run = archives.filter(({ refused }) => refused === undefined);
  // The same bytes can lie there under a name of their own too.
  const bytes = new Set(run.map(({ sha256 }) => sha256));
  const inTwoForms = archives.flatMap(({ sha256, refused }) =>
    refused === undefined || bytes.has(sha256) ? [] : [[sha256, refused] as const],
  );
  if (perTeam === undefined) return new Map(inTwoForms);
  const counted = run.filter(({ file }) => !baselines.includes(file));
  const earlier = await readEarlierTeams(runsFolder(outFolder));
  for (const { sha256 } of run) {
    if (!counted.some((other) => other.sha256 === sha256)) earlier.delete(sha256);
  }
  return new Map([...inTwoForms, ...(await tooManyOfTeam(counted, perTeam, outFolder, intake, earlier))]);
}
