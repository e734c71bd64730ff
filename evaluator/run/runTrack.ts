import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { readTrack } from '../../datasets/readTrack.ts';
import { publicKeyOf } from '../../datasets/sealing/age.ts';
import { readIdentity } from '../../datasets/sealing/readIdentity.ts';
import { readSealedTrack, type SealedTrackInfo } from '../../datasets/sealing/sealedTrack.ts';
import { type TrackInfo, trackFiles } from '../../datasets/track.ts';
import { UserError } from '../../datasets/userError.ts';
import { sweepOwnFolders } from '../sandbox/ownNames.ts';
import { sealedWithheld } from './sealedWithheld.ts';
import { openWithheld, type Withheld } from './withheld.ts';

/** A Track that entries can be run on, open or sealed. */
export interface RunTrack {
  readonly dir: string;
  readonly info: TrackInfo | SealedTrackInfo;
  readonly withheld: Withheld;
  /** Removes the opened images of a sealed Track. */
  close(): Promise<void>;
}

/** Whether a folder contains a sealed Track; it may be incomplete. */
export async function isSealed(dir: string): Promise<boolean> {
  try {
    return 'sealed' in JSON.parse(await readFile(join(dir, trackFiles.info), 'utf8'));
  } catch {
    return false; // reading the Track reports the error
  }
}

/**
 * Reads and checks a Track. Removes files left by killed evaluators, including opened test images.
 * @param imagesKey file with the secret key that opens the images of a sealed Track
 * @throws UserError if a file is missing, malformed or changed, or if the key is missing or does not match
 */
export async function openRunTrack(folder: string, imagesKey?: string): Promise<RunTrack> {
  const dir = resolve(folder);
  await sweepOwnFolders();
  if (!(await isSealed(dir))) {
    const info = await readTrack(dir);
    return { dir, info, withheld: openWithheld(dir, info), close: async () => {} };
  }
  if (imagesKey === undefined) {
    throw new UserError(`${dir} is sealed. Give the key that opens its images: --images-key FILE.`);
  }
  const sealed = await readSealedTrack(dir);
  await requireImagesKey(imagesKey, sealed.info);
  const withheld = sealedWithheld(dir, sealed, imagesKey);
  return { dir, info: sealed.info, withheld, close: () => withheld.shut() };
}

/** Checks the key now instead of after ten minutes. */
async function requireImagesKey(path: string, { sealed }: SealedTrackInfo): Promise<void> {
  const publicKey = await publicKeyOf(await readIdentity(path));
  if (publicKey === sealed.images) return;
  throw new UserError(
    publicKey === sealed.organizer
      ? `--images-key ${path} is the organizer's identity, which must not be where entries run. Give the images key that \`haet seal keygen\` wrote.`
      : `--images-key ${path}: its public key is ${publicKey}, but the images are sealed to ${sealed.images}. Give the images key of this Track.`,
  );
}
