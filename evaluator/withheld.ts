import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { readLabels, readTrack } from '../datasets/readTrack.ts';
import { type TrackInfo, trackFiles } from '../datasets/track.ts';
import { UserError } from '../datasets/userError.ts';

/** The half of a Track that is scored on, opened piece by piece: nothing sooner than a run needs it. */
export interface Withheld {
  /** Path of the test images, .npy; called when no process of the train stage lives. */
  images(): Promise<string>;
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
  return {
    images: async () => join(dir, trackFiles.testImages),
    shut: async () => {},
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
