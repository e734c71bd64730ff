import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { readTrack } from '../datasets/readTrack.ts';
import { readIdentity } from '../datasets/sealing/readIdentity.ts';
import { readSealedTrack, type SealedTrackInfo } from '../datasets/sealing/sealedTrack.ts';
import { type TrackInfo, trackFiles } from '../datasets/track.ts';
import { UserError } from '../datasets/userError.ts';
import { sealedWithheld } from './sealedWithheld.ts';
import { openWithheld, type Withheld } from './withheld.ts';

/** A Track that entries can be run on, open or sealed. */
export interface RunTrack {
  readonly dir: string;
  readonly info: TrackInfo | SealedTrackInfo;
  readonly withheld: Withheld;
  /** Removes what was opened of a sealed Track. */
  close(): Promise<void>;
}

/** Whether a folder holds a sealed Track; says nothing of whether it is whole. */
export async function isSealed(dir: string): Promise<boolean> {
  try {
    return 'sealed' in JSON.parse(await readFile(join(dir, trackFiles.info), 'utf8'));
  } catch {
    return false; // whoever reads the Track says what is wrong with it
  }
}

/**
 * Reads and checks a Track.
 * @param identity file with the secret key, for a sealed one
 * @throws UserError naming the file that is missing, malformed or changed, or that the key is needed
 */
export async function openRunTrack(folder: string, identity?: string): Promise<RunTrack> {
  const dir = resolve(folder);
  if (!(await isSealed(dir))) {
    const info = await readTrack(dir);
    return { dir, info, withheld: openWithheld(dir, info), close: async () => {} };
  }
  if (identity === undefined) {
    throw new UserError(`${dir} is sealed. Give the key that opens it: --identity FILE.`);
  }
  const sealed = await readSealedTrack(dir);
  await readIdentity(identity); // a wrong file is better known now than after ten minutes
  const opened = await mkdtemp(join(tmpdir(), 'haet-opened-'));
  await chmod(opened, 0o755);
  return {
    dir,
    info: sealed.info,
    withheld: sealedWithheld(dir, sealed, identity, opened),
    close: () => rm(opened, { recursive: true, force: true }),
  };
}
