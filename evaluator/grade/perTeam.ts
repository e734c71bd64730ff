import { randomUUID } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../../datasets/userError.ts';
import type { ArchiveLimits } from '../intake/limits.ts';
import { unpackEntry } from '../intake/takeEntry.ts';
import type { Submission } from './listArchives.ts';

const prefix = '.team-';

/**
 * Tells which archives are more than a team may send. Those that were run count, also where they lie there no more: what
 * their scores told is known. Then the first of each team count, in the order of the archives; the same bytes count once.
 * An archive that intake refuses is of no team: it cannot be scored.
 * @param earlier teams by sha256 of the archives that were run already
 * @param intake what an archive may be; the usual where undefined
 * @param scratch folder that archives are unpacked in, one after the other; nobody else works there
 * @returns sha256 of each that is too many, with the reason
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
        `not run: more than the ${most} that a team may send; those that were run count, then the first by name`,
      );
  }
  return refused;
}

/** Names that look or read alike are one team: compatibility forms, case, white space and signs that are not seen. */
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

/** What a call that was killed here left behind. */
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
    if (error instanceof UserError) return null; // its run says why
    throw error;
  } finally {
    await rm(into, { recursive: true, force: true });
  }
}
