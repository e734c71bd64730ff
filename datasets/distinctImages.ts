import { createHash } from 'node:crypto';
import { imageAt, type Source } from './source.ts';

/** An image of a source: its index in `source.train` or `source.test`. */
export interface ImageRef {
  readonly split: 'train' | 'test';
  readonly index: number;
}

/** Two images with the same pixels. */
export type EqualPair = readonly [ImageRef, ImageRef];

export interface DistinctImages {
  /** Indices into `source.train`, ascending. */
  readonly train: number[];
  /** Indices into `source.test`, ascending; null if the source has no test set. */
  readonly test: number[] | null;
  /** Images skipped because another with the same pixels was kept. */
  readonly duplicates: number;
  /** Images skipped because the same pixels have different labels. */
  readonly contradictions: number;
  /** For each class: how many images it has, how many of them were skipped, and an example if there is one. */
  readonly classes: readonly SkippedOfClass[];
}

export interface SkippedOfClass {
  readonly images: number;
  readonly skipped: number;
  /** A skipped image after the one with the same pixels. */
  readonly example?: EqualPair;
}

/**
 * Keeps one of each image of a source, compared by the sha256 of its pixels over training and test images together,
 * so that no split can have an image on both sides. Of equal images the first in source order is kept, training
 * images before test images.
 */
export function distinctImages(source: Source): DistinctImages {
  const sets = source.test === undefined ? [source.train] : [source.train, source.test];
  const labelOf = new Map<string, number>();
  const contradicted = new Set<string>();
  const hashes = sets.map((set) =>
    Array.from(set.labels, (label, index) => {
      const hash = createHash('sha256').update(imageAt(set, index)).digest('base64');
      if ((labelOf.get(hash) ?? label) !== label) contradicted.add(hash);
      labelOf.set(hash, label);
      return hash;
    }),
  );
  const first = new Map<string, ImageRef>();
  const classes = source.classes.map(() => ({ images: 0, skipped: 0 }) as Writable<SkippedOfClass>);
  const classOf = ({ split, index }: ImageRef) => classes[source[split]!.labels[index]!]!;
  let contradictions = 0;
  let duplicates = 0;
  const [train, test] = hashes.map((ofSet, set) => {
    const indices: number[] = [];
    ofSet.forEach((hash, index) => {
      const image: ImageRef = { split: set === 0 ? 'train' : 'test', index };
      const ofClass = classOf(image);
      const equal = first.get(hash);
      ofClass.images++;
      if (equal === undefined) first.set(hash, image);
      else {
        ofClass.example ??= [equal, image];
        if (contradicted.has(hash)) classOf(equal).example ??= [equal, image];
      }
      if (contradicted.has(hash)) contradictions++;
      else if (equal !== undefined) duplicates++;
      else {
        indices.push(index);
        return;
      }
      ofClass.skipped++;
    });
    return indices;
  });
  return { train: train!, test: test ?? null, duplicates, contradictions, classes };
}

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };
