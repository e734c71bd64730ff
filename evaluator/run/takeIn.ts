import { randomBytes } from 'node:crypto';
import { realpath } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { UserError } from '../../datasets/userError.ts';
import type { Entry } from '../intake/loadEntry.ts';
import { hashArchive, moveEntry, takeEntry } from '../intake/takeEntry.ts';
import { removePath } from '../sandbox/removeTree.ts';
import type { RunFolders } from '../stage/stagePlaces.ts';
import { writeCanaryMark } from './canaryMark.ts';
import { makeRunFolder, writeStart } from './runFolder.ts';
import { faultOf, type SettledRun } from './settleRun.ts';
import { shownEntry, shownTrack } from './shownPlaces.ts';

/** The entry, and the folders of its run. */
export interface Intake {
  /** Null if the entry is a folder. */
  readonly archiveSha256: string | null;
  /** Null if it was rejected. */
  readonly entry: Entry | null;
  /** Why it was rejected, as a sentence. */
  readonly rejected: string | null;
  readonly runId: string;
  /** Null if no folder could be created for the run. */
  readonly folders: RunFolders | null;
  /** Folder of the Track whose training half stages see. */
  readonly trackDir: string;
  readonly fault: string | null;
}

/** Loads an entry and creates the folder of its run. */
export async function takeIn(run: SettledRun): Promise<Intake> {
  const { plan, unpacked } = run;
  let archiveSha256: string | null = null;
  let entry: Entry | null = null;
  let rejected: string | null = null;
  let folders: RunFolders | null = null;
  let runId: string | null = null;
  let trackDir = plan.track.dir;
  const fault = await faultOf(run, async () => {
    const path = await realpath(plan.entryPath).catch(() => resolve(plan.entryPath));
    archiveSha256 = await hashArchive(path);
    try {
      entry = await takeEntry(path, unpacked, run.archiveLimits);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      // The evidence is published: it names the entry without its path on this machine.
      rejected = error.under(path, basename(resolve(plan.entryPath))).message;
    }
    runId = runIdOf(run, entry);
    folders = await makeRunFolder(plan.runsFolder, runId);
    if (entry?.folder === unpacked) entry = await moveEntry(entry, unpackedIn(folders));
    else if (entry !== null) entry = await shownEntry(run.sandbox, entry, unpackedIn(folders));
    trackDir = await shownTrack(run.sandbox, plan.track.dir, shownTrackIn(folders));
    if (plan.canary !== undefined) await writeCanaryMark(folders.run, plan.canary);
    await writeStart(folders.run, {
      attempt: run.attempt,
      archiveSha256,
      track: plan.track.info,
      seed: plan.seed,
      sandbox: { kind: run.sandbox.kind },
      limits: run.recordedLimits,
    });
  });
  return { archiveSha256, entry, rejected, runId: runId ?? runIdOf(run, entry), folders, trackDir, fault };
}

/** Removes the copies of entry and Track; the originals are the evidence. Failures do not affect the score. */
export async function removeUnpacked({ unpacked }: SettledRun, { folders }: Intake): Promise<void> {
  const copies = folders === null ? [] : [unpackedIn(folders), shownTrackIn(folders)];
  for (const path of [unpacked, ...copies]) {
    await removePath(path).catch(() => {});
  }
}

const shownTrackIn = ({ run }: RunFolders): string => join(run, 'track');
const unpackedIn = ({ run }: RunFolders): string => join(run, 'entry');

/**
 * Returns an id that is readable, sortable by time, valid as a file name, and unique: the last part is random. For
 * example 2026-11-21T10-41-23-resnet-9-s1-9f86d081884c7d65.
 */
function runIdOf({ startedAt, plan: { seed } }: SettledRun, entry: Entry | null): string {
  const name = (entry?.manifest.name ?? 'entry').toLowerCase().replace(/[^a-z0-9]+/g, '-');
  return `${startedAt.slice(0, 19).replaceAll(':', '-')}-${name.slice(0, 40).replace(/^-+|-+$/g, '') || 'entry'}-s${seed}-${randomBytes(8).toString('hex')}`;
}
