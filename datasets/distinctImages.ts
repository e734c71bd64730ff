import { createHash } from 'node:crypto';
import { imageAt, type Source } from './source.ts';

export interface DistinctImages {
  /** Indices into `source.train`, ascending. */
  readonly train: number[];
  /** Indices into `source.test`, ascending; null if the source has no test set. */
  readonly test: number[] | null;
  /** Images skipped because another with the same pixels was kept. */
  readonly duplicates: number;
  /** Images skipped because the same pixels have different labels. */
  readonly contradictions: number;
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
  const kept = new Set<string>();
  let contradictions = 0;
  const [train, test] = hashes.map((ofSet) => {
    const indices: number[] = [];
    ofSet.forEach((hash, index) => {
      if (contradicted.has(hash)) contradictions++;
      else if (!kept.has(hash)) {
        kept.add(hash);
        indices.push(index);
      }
    });
    return indices;
  });
  const total = hashes.reduce((sum, ofSet) => sum + ofSet.length, 0);
  return {
    train: train!,
    test: test ?? null,
    duplicates: total - contradictions - kept.size,
    contradictions,
  };
}
