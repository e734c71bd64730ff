import { dirname, join } from 'node:path';
import { trackFiles } from '../../datasets/track.ts';
import type { StageName } from '../contract.ts';
import type { Mount } from '../sandbox/sandbox.ts';

/** Where a stage finds what it is told of. */
export interface StagePlaces {
  /** The entry's own folder, its working folder. */
  readonly entry: string;
  /** Folder with the training images and labels; train only. */
  readonly train: string;
  /** The test images, a file; predict only. */
  readonly testImages: string;
  /** What the train stage left; predict only. */
  readonly model: string;
  readonly out: string;
  readonly work: string;
}

/** Folders of one run, absolute. */
export interface RunFolders {
  readonly run: string;
  readonly model: string;
  readonly predictions: string;
  /** Keeps the output of one predict run while the other is under way; of the evaluator's user alone. */
  readonly aside: string;
  readonly work: string;
}

/** The places that a stage finds where its files are fenced: the same on every machine. */
export const fencedPlaces: StagePlaces = {
  entry: '/entry',
  train: '/data/train',
  testImages: '/data/test/images.npy',
  model: '/model',
  out: '/out',
  work: '/work',
};

/** The places of a stage on this machine. */
export function hostPlaces(
  stage: StageName,
  at: {
    readonly entry: string;
    readonly trackDir: string;
    readonly testImages: string;
    readonly folders: RunFolders;
  },
): StagePlaces {
  const { folders } = at;
  return {
    entry: at.entry,
    train: join(at.trackDir, dirname(trackFiles.trainImages)),
    testImages: at.testImages,
    model: folders.model,
    out: stage === 'train' ? folders.model : folders.predictions,
    work: folders.work,
  };
}

/** What of this machine each stage sees: everything it needs to read, and its output folder. */
export function mountsOf(
  stage: StageName,
  host: StagePlaces,
  inside: StagePlaces,
): { mounts: Mount[]; out: Mount } {
  const shown: (keyof StagePlaces)[] =
    stage === 'train' ? ['entry', 'train'] : ['entry', 'testImages', 'model'];
  const mount = (place: keyof StagePlaces): Mount => ({ host: host[place], inside: inside[place] });
  return { mounts: shown.map(mount), out: mount('out') };
}
