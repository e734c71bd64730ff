import { rowAgreement } from '../contract.ts';
import { argmax, type Scores } from '../score/score.ts';

/** Comparison of the rows of both predict runs. */
export interface RowComparison {
  readonly rows: number;
  /** Rows beyond the tolerance, or with a different predicted class. */
  readonly differing: number;
  /** Largest difference of a score over all rows, as a fraction of the range of its row in the first run. */
  readonly largestDifference: number;
}

/**
 * Compares the rows of two predict runs, image by image. A row differs if a score differs by more than the tolerance,
 * which is a fraction of the row's range (highest minus lowest score of the first run), or if another class has the
 * highest score. The class is compared too, because one extreme score makes the range arbitrarily wide without
 * changing the class. A row of equal scores has range 0, so any difference counts.
 * @param first [rows, classes], one row per test image, in order, all finite
 * @param second [rows, classes], all finite
 * @param chosen uint32 [rows]; row r of `second` belongs to test image chosen[r]
 */
export function compareRows(
  first: Scores,
  second: Scores,
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

/** Returns the accusation as a sentence with counts only; null if the rows agree. */
export function disagreementOf({ rows, differing, largestDifference }: RowComparison): string | null {
  const allowed = Math.max(1, Math.floor(rowAgreement.share * rows));
  if (differing <= allowed) return null;
  const percent = Math.round(100 * largestDifference);
  const largest = percent > 100 ? 'over 100' : percent;
  return `predict: in the second run, on other test images, ${differing} of ${rows} rows differ from the first run's rows for the same images (at most ${allowed} may differ); largest difference ${largest} % of a row's range`;
}

/** Returns the largest difference of a score, as a fraction of the range of `before`. */
function differenceOf(before: Scores, after: Scores): number {
  let [lowest, top, largest, largestHalved] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0];
  for (const [index, score] of before.entries()) {
    lowest = Math.min(lowest, score);
    top = Math.max(top, score);
    largest = Math.max(largest, Math.abs(score - after[index]!));
    largestHalved = Math.max(largestHalved, Math.abs(score / 2 - after[index]! / 2));
  }
  if (largest === 0) return 0;
  const range = top - lowest;
  // The range of float64 scores can exceed float64; half of it cannot.
  return Number.isFinite(range) ? largest / range : largestHalved / (top / 2 - lowest / 2);
}
