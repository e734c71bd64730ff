import { createHash } from 'node:crypto';
import type { TrackInfo } from './track.ts';

/** Bytes of one image: 32 x 32 x 3, rows of RGB pixels. */
export const IMAGE_BYTES = 32 * 32 * 3;

export interface LabelledImages {
  /** uint8 [size, 32, 32, 3] */
  readonly images: Uint8Array;
  /** uint8 [size] */
  readonly labels: Uint8Array;
  /** Name of each image for people, such as its path, if images have names in the source. */
  readonly names?: readonly string[];
}

/** All images of a source, from which a Track is drawn. */
export interface Source {
  readonly kind: TrackInfo['source']['kind'];
  /** Human-readable content and origin of the images. */
  readonly description: string;
  readonly classes: readonly string[];
  /** Training images, and held-out images too unless `test` is given. */
  readonly train: LabelledImages;
  /** The source's own test set, if held-out images are drawn from it. */
  readonly test?: LabelledImages;
  /** Doubts about the images that the Track carries, one sentence each. */
  readonly trackWarnings?: readonly string[];
  /** What the user should know about the files, one sentence each; not recorded. */
  readonly warnings?: readonly string[];
}

/** For a source with its own test set: where held-out images are drawn from. */
export const testFromChoices = ['batches', 'test'] as const;
export type TestFrom = (typeof testFromChoices)[number];

/** Returns image `index` of a set: uint8 [32, 32, 3], a view. */
export function imageAt(set: LabelledImages, index: number): Uint8Array {
  return set.images.subarray(index * IMAGE_BYTES, (index + 1) * IMAGE_BYTES);
}

/** Returns one hash over the class names and all images and labels in source order, in hexadecimal. */
export function fingerprint(source: Source): string {
  const hash = createHash('sha256').update(JSON.stringify(source.classes));
  for (const set of [source.train, source.test]) {
    if (set === undefined) continue;
    hash.update(`\n${set.labels.length}\n`).update(set.images).update(set.labels);
  }
  return hash.digest('hex');
}
