import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { openImages } from '../../datasets/sealing/openSealed.ts';
import { readIdentity } from '../../datasets/sealing/readIdentity.ts';
import { readSealedTrack, type SealedTrack } from '../../datasets/sealing/sealedTrack.ts';
import { UserError } from '../../datasets/userError.ts';
import { makeOpenedFolder, writeOpened } from '../stage/openedFolder.ts';
import { chosenImages } from './chosenImages.ts';
import type { Withheld } from './withheld.ts';

/**
 * Opens the images of a sealed Track; the labels stay encrypted. The key is read for each use and not kept.
 * @param imagesKey file with the secret key that opens only the images
 */
export function sealedWithheld(dir: string, { info, withheld }: SealedTrack, imagesKey: string): Withheld {
  let opened: string | null = null;
  return {
    async images() {
      if (opened !== null) return join(opened, 'images.npy');
      const { images } = await openImages(
        withheld,
        await readIdentity(imagesKey),
        join(dir, info.sealed.file),
      );
      opened = await makeOpenedFolder();
      const path = join(opened, 'images.npy');
      await writeOpened(path, images);
      return path;
    },
    async otherImages(chosen) {
      // The same path is used, so a stage that sees this machine's files finds no other images.
      if (opened === null) throw new Error('second test images requested before the first');
      const path = join(opened, 'images.npy');
      await writeOpened(path, await chosenImages(path, chosen));
      return path;
    },
    async shut() {
      if (opened !== null) await rm(opened, { recursive: true, force: true });
      opened = null;
    },
    labels: null,
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
