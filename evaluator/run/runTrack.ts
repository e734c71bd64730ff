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
 * Reads and checks a Track. Removes what evaluators left behind when they were killed, opened test images among it.
 * @param imagesKey file with the secret key that opens the images of a sealed one
 * @throws UserError naming the file that is missing, malformed or changed, that the key is needed or is another
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

/** A wrong file is better known now than after ten minutes. */
async function requireImagesKey(path: string, { sealed }: SealedTrackInfo): Promise<void> {
  const publicKey = await publicKeyOf(await readIdentity(path));
  if (publicKey === sealed.images) return;
  throw new UserError(
    publicKey === sealed.organizer
      ? `--images-key ${path} is the organizer's identity, which opens the labels and signs: it does not belong where entries run. Give the images key that \`haet seal keygen\` wrote beside it.`
      : `--images-key ${path} has the public key ${publicKey}, and the images are sealed to ${sealed.images}. Give the images key of this Track.`,
  );
}
