import { dirname, join } from 'node:path';
import { trackFiles } from '../../datasets/track.ts';
import type { StageName } from '../contract.ts';
import { runtimePlaces } from '../machine/runtime.ts';
import { packagesInside } from '../sandbox/runtimeMounts.ts';
import type { Mount } from '../sandbox/sandbox.ts';

/** Paths given to a stage. */
export interface StagePlaces {
  /** The entry's own folder, its working folder. */
  readonly entry: string;
  /** Folder with the training images and labels; train only. */
  readonly train: string;
  /** The test images, a file; predict only. */
  readonly testImages: string;
  /** The trained model; predict only. */
  readonly model: string;
  readonly out: string;
  readonly work: string;
  /** Short path to `work`. */
  readonly temporary: string;
  /** Node packages of the runtime; the folder is missing where it is not set up. */
  readonly packages: string;
}

/** Folders of one run, absolute. */
export interface RunFolders {
  readonly run: string;
  readonly model: string;
  readonly predictions: string;
  /** Contains the first predict run's output during the second; private to the evaluator's user. */
  readonly aside: string;
  readonly work: string;
}

/** Paths in a sandbox with file isolation; the same on every machine. */
export const fencedPlaces: StagePlaces = {
  entry: '/entry',
  train: '/data/train',
  testImages: '/data/test/images.npy',
  model: '/model',
  out: '/out',
  work: '/work',
  temporary: '/work',
  packages: packagesInside,
};

/** Returns the paths of a stage on this machine. */
export function hostPlaces(
  stage: StageName,
  at: {
    readonly entry: string;
    readonly trackDir: string;
    readonly testImages: string;
    readonly folders: RunFolders;
    readonly temporary: string;
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
    temporary: at.temporary,
    packages: runtimePlaces().packages,
  };
}

/** Returns the mounts of a stage: inputs and its output folder. */
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
