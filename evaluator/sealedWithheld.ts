import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { type OpenedImages, openImages, openLabels } from '../datasets/sealing/openSealed.ts';
import { readIdentity } from '../datasets/sealing/readIdentity.ts';
import { readSealedTrack, type SealedTrack } from '../datasets/sealing/sealedTrack.ts';
import { UserError } from '../datasets/userError.ts';
import { chosenImages } from './chosenImages.ts';
import type { Withheld } from './withheld.ts';

/**
 * The withheld half of a sealed Track. The key is read when something is opened with it, and not kept.
 * @param identity file with the secret key
 * @param opened folder for the test images once they are open; the labels never leave this process
 */
export function sealedWithheld(
  dir: string,
  { info, withheld }: SealedTrack,
  identity: string,
  opened: string,
): Withheld {
  let images: OpenedImages | null = null;
  return {
    async images() {
      images = await openImages(withheld, await readIdentity(identity), join(dir, info.sealed.file));
      const path = join(opened, 'images.npy');
      await writeFile(path, images.images, { mode: 0o644 });
      return path;
    },
    async otherImages(chosen) {
      // At the same path: a stage that sees this machine's files finds no others.
      const path = join(opened, 'images.npy');
      await writeFile(path, await chosenImages(path, chosen));
      return path;
    },
    async shut() {
      await rm(join(opened, 'images.npy'), { force: true });
    },
    async labels() {
      if (images === null) throw new Error('the labels were asked for before the images were opened');
      return openLabels(images.sealedLabels, await readIdentity(identity), images.info);
    },
    async change() {
      try {
        const now = await readSealedTrack(dir);
        return isDeepStrictEqual(now.info, info)
          ? null
          : `${dir}: track.json was changed while the entry ran`;
      } catch (error) {
        if (error instanceof UserError) return `the Track was changed while the entry ran: ${error.message}`;
        throw error;
      }
    },
  };
}
