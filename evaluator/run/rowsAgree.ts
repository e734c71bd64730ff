import { rowAgreement } from '../contract.ts';
import { argmax } from '../score/score.ts';

/** How the rows of a second predict run compare with those that the first gave the same images. */
export interface RowComparison {
  readonly rows: number;
  /** Rows beyond the tolerance, or with another class on top. */
  readonly differing: number;
  /** Of all rows: largest difference of a score, as a fraction of the range of its row in the first run. */
  readonly largestDifference: number;
}

/**
 * Compares the rows of two predict runs, image by image. A row differs when a score does by more than the tolerance, which
 * is a fraction of the row's range (highest minus lowest score of the first run), or when another class has the highest
 * score: a single score that is very large or small makes the range as wide as an entry likes, and does not change the class.
 * A row of equal scores has the range 0, so that any difference is beyond the tolerance.
 * @param first float32 [rows, classes], of the test images in their order
 * @param second float32 [rows, classes], all finite, as are those of `first`
 * @param chosen uint32 [rows]; row r of `second` is of test image chosen[r]
 */
export function compareRows(
  first: Float32Array,
  second: Float32Array,
  chosen: Uint32Array,
  classes: number,
): RowComparison {
  let differing = 0;
  let largestDifference = 0;
  for (const [row, image] of chosen.entries()) {
    const before = first.subarray(image * classes, (image + 1) * classes);
    const after = second.subarray(row * classes, (row + 1) * classes);
    const difference = differenceOf(before, after);
    largestDifference = Math.max(largestDifference, difference);
    if (difference > rowAgreement.tolerance || argmax(before) !== argmax(after)) differing += 1;
  }
  return { rows: chosen.length, differing, largestDifference };
}

/** What the comparison says against an entry, as a sentence of fixed words and counts; null when the rows agree. */
export function disagreementOf({ rows, differing, largestDifference }: RowComparison): string | null {
  const allowed = Math.max(1, Math.floor(rowAgreement.share * rows));
  if (differing <= allowed) return null;
  const percent = Math.round(100 * largestDifference);
  const largest = percent > 100 ? 'over 100' : percent;
  return `predict: run again on other test images, ${differing} of ${rows} rows are not those that it gave the same images before (at most ${allowed} may differ); largest difference ${largest} % of a row's range`;
}

/** Largest difference of a score, as a fraction of the range of `before`. */
function differenceOf(before: Float32Array, after: Float32Array): number {
  let [lowest, top, largest] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0];
  for (const [index, score] of before.entries()) {
    lowest = Math.min(lowest, score);
    top = Math.max(top, score);
    largest = Math.max(largest, Math.abs(score - after[index]!));
  }
  return largest === 0 ? 0 : largest / (top - lowest);
}
