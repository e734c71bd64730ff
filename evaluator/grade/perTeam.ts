import { randomUUID } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../../datasets/userError.ts';
import type { ArchiveLimits } from '../intake/limits.ts';
import { unpackEntry } from '../intake/takeEntry.ts';
import type { Submission } from './listArchives.ts';

const prefix = '.team-';

/**
 * Returns the archives beyond a team's limit. Archives that were already run count first, even if removed, because
 * their scores are known; then the first in order. The same bytes count once. Rejected archives belong to no team.
 * @param earlier teams by sha256 of the archives that were already run
 * @param intake limits of intake; default limits if undefined
 * @param scratch folder in which archives are unpacked one after the other; no other process uses it
 * @returns sha256 of each archive beyond the limit, with the reason
 */
export async function tooManyOfTeam(
  archives: readonly Submission[],
  most: number,
  scratch: string,
  intake: ArchiveLimits | undefined,
  earlier: ReadonlyMap<string, string> = new Map(),
): Promise<Map<string, string>> {
  await removeLeftovers(scratch);
  const refused = new Map<string, string>();
  const sent = new Map<string, Set<string>>();
  for (const [sha256, name] of earlier) {
    sent.set(teamKey(name), (sent.get(teamKey(name)) ?? new Set()).add(sha256));
  }
  for (const { path, sha256 } of archives) {
    const name = await teamOf(path, scratch, intake);
    if (name === null) continue;
    const team = sent.get(teamKey(name)) ?? new Set();
    sent.set(teamKey(name), team);
    if (team.has(sha256)) continue;
    if (team.size < most) team.add(sha256);
    else
      refused.set(
        sha256,
        `not run: the team's limit is ${most} archives (archives already run count first, then by name)`,
      );
  }
  return refused;
}

/** Normalises a team name: compatibility forms, case, white space and invisible characters are ignored. */
export function teamKey(name: string): string {
  return name
    .normalize('NFKC')
    .toUpperCase()
    .toLowerCase()
    .normalize('NFKC')
    .replace(/\p{Default_Ignorable_Code_Point}/gu, '')
    .replace(/\s+/gu, ' ')
    .trim();
}

/** Removes leftovers of a killed call. */
async function removeLeftovers(scratch: string): Promise<void> {
  for (const name of await readdir(scratch)) {
    if (name.startsWith(prefix)) await rm(join(scratch, name), { recursive: true, force: true });
  }
}

async function teamOf(
  archive: string,
  scratch: string,
  intake: ArchiveLimits | undefined,
): Promise<string | null> {
  const into = join(scratch, `${prefix}${randomUUID()}`);
  try {
    return (await unpackEntry(archive, into, intake)).manifest.team;
  } catch (error) {
    if (error instanceof UserError) return null; // its run reports the reason
    throw error;
  } finally {
    await rm(into, { recursive: true, force: true });
  }
}
