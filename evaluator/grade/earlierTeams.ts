import { UserError } from '../../datasets/userError.ts';
import { readRecord } from '../run/readRecord.ts';
import { runFolders } from './attempts.ts';
import { isCanaryFolder } from './canary/canaryRuns.ts';

/**
 * Reads which archives were already run, and for which team, including archives that were removed since.
 * @param runs folder with one folder per job, which contains one per run
 * @returns team by sha256 of the archive
 */
export async function readEarlierTeams(runs: string): Promise<Map<string, string>> {
  const teams = new Map<string, string>();
  for (const job of await runFolders(runs)) {
    if (isCanaryFolder(job)) continue;
    for (const run of await runFolders(job)) {
      const record = await readRecord(run).catch((error) => {
        if (error instanceof UserError) return null; // it never ended, or is damaged
        throw error;
      });
      if (record?.archiveSha256 && record.entry !== null) teams.set(record.archiveSha256, record.entry.team);
    }
  }
  return teams;
}
