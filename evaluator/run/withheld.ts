import { chmod, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { readLabels, readTrack } from '../../datasets/readTrack.ts';
import { type TrackInfo, trackFiles } from '../../datasets/track.ts';
import { UserError } from '../../datasets/userError.ts';
import { makeOwnFolder } from '../sandbox/ownNames.ts';
import { makeOpenedFolder, writeOpened } from '../stage/openedFolder.ts';
import { chosenImages } from './chosenImages.ts';

/** The withheld half of a Track; each part is opened only when a run needs it. */
export interface Withheld {
  /** Returns the path of the test images, .npy. Call it when no process of the train stage is alive. */
  images(): Promise<string>;
  /**
   * Returns the path of other test images, .npy. Call it when no process of the first predict run is alive.
   * @param chosen indices of the test images, in output order
   */
  otherImages(chosen: Uint32Array): Promise<string>;
  /** Removes the images if they were opened for the predict stage. */
  shut(): Promise<void>;
  /**
   * Reads the labels, uint8 [testSize]. Call it when no process of the entry is alive. Null if they are sealed:
   * another process opens them and scores the run.
   */
  readonly labels: (() => Promise<Uint8Array>) | null;
  /** Returns what the entry changed in the Track, as a sentence; null if nothing. */
  change(): Promise<string | null>;
}

const isRoot = process.getuid?.() === 0;

/** Returns the withheld half of an open Track. */
export function openWithheld(dir: string, info: TrackInfo): Withheld {
  const imagesPath = join(dir, trackFiles.testImages);
  let opened: string | null = null;
  let other: string | null = null;
  return {
    async images() {
      if (!isRoot || ((await stat(imagesPath)).mode & 0o004) !== 0) return imagesPath;
      // Made under a strict umask: an entry that runs as another user could not read them.
      opened ??= await makeOpenedFolder();
      const path = join(opened, 'images.npy');
      await writeOpened(path, await readFile(imagesPath));
      return path;
    },
    async otherImages(chosen) {
      // Not on the disk of the run, which an entry may have filled.
      other ??= await makeOwnFolder('images');
      await chmod(other, 0o755); // an entry may run as another user
      const path = join(other, 'images.npy');
      await writeFile(path, await chosenImages(imagesPath, chosen));
      await chmod(path, 0o644); // whatever the umask
      return path;
    },
    async shut() {
      for (const folder of [opened, other]) {
        if (folder !== null) await rm(folder, { recursive: true, force: true });
      }
      [opened, other] = [null, null];
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
