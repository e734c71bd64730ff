import { chmod, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { readLabels, readTrack } from '../../datasets/readTrack.ts';
import { type TrackInfo, trackFiles } from '../../datasets/track.ts';
import { UserError } from '../../datasets/userError.ts';
import { makeOwnFolder } from '../sandbox/ownNames.ts';
import { chosenImages } from './chosenImages.ts';

/** The half of a Track that is scored on, opened piece by piece: nothing sooner than a run needs it. */
export interface Withheld {
  /** Path of the test images, .npy; called when no process of the train stage lives. */
  images(): Promise<string>;
  /**
   * Path of other test images in their place, .npy; called when no process of the first predict run lives.
   * @param chosen the numbers of the test images, in the order wanted
   */
  otherImages(chosen: Uint32Array): Promise<string>;
  /** Takes the images away again, where they were only opened for the predict stage. */
  shut(): Promise<void>;
  /**
   * The answers, uint8 [testSize]; called when no process of the entry lives. Null where they are sealed: another process
   * opens them and scores the run.
   */
  readonly labels: (() => Promise<Uint8Array>) | null;
  /** What the entry changed in the Track, one sentence; null when it is as it was. */
  change(): Promise<string | null>;
}

/** The withheld half of a Track that lies open on this machine. */
export function openWithheld(dir: string, info: TrackInfo): Withheld {
  let other: string | null = null;
  return {
    images: async () => join(dir, trackFiles.testImages),
    async otherImages(chosen) {
      // Not on the disk of the run, which an entry may have filled.
      other ??= await makeOwnFolder('images');
      await chmod(other, 0o755); // an entry may run as another user
      const path = join(other, 'images.npy');
      await writeFile(path, await chosenImages(join(dir, trackFiles.testImages), chosen), { mode: 0o644 });
      return path;
    },
    async shut() {
      if (other !== null) await rm(other, { recursive: true, force: true });
      other = null;
    },
    labels: () => readLabels(dir, 'test', info),
    async change() {
      try {
        const now = await readTrack(dir);
        return isDeepStrictEqual(now, info) ? null : `${dir}: track.json was changed while the entry ran`;
      } catch (error) {
        if (error instanceof UserError) return `the Track was changed while the entry ran: ${error.message}`;
        throw error;
      }
    },
  };
}
