import type { Fault } from './fault.ts';
import type { Place } from './listFolder.ts';

/** An image file with its label. */
export interface Picture {
  readonly place: Place;
  readonly label: number;
}

/** What will be read from a folder of images: the result of looking at its names, before anything is decoded. */
export interface Plan {
  readonly classes: readonly string[];
  readonly train: readonly Picture[];
  /** The held-out images, if the source has a given split. */
  readonly test?: readonly Picture[];
  /** How the images and labels are found, for the description of the source; empty for one folder per class. */
  readonly how: string;
  readonly faults: readonly Fault[];
  readonly warnings: readonly string[];
}

export const MOST_CLASSES = 256;
