import jStat from 'jstat';
import { significance } from './chance.ts';

/**
 * Smallest drop in accuracy that counts, as a fraction. Two trainings of an honest entry differ too, which a test
 * over images ignores. Ten-minute runs of the reference submission have a standard deviation of 0.4 points over seeds
 * (README, n = 3), so this is about nine standard deviations of a difference between two.
 */
export const tolerance = 0.05;

/**
 * Tests whether a second run is worse than a first one on the same images: McNemar's exact test, one-sided, over the
 * images that exactly one of the two predicts correctly (McNemar 1947, doi:10.1007/BF02295996).
 *
 * @param first per image, whether the first run is correct, [images]
 * @param second the same of the second run
 * @returns `drop` in accuracy, first minus second, and `threshold`, the lowest drop that is at least the tolerance
 *   and has a p-value below `significance` with the same number of differing images; 1 if there is none
 */
export function comparePaired(
  first: readonly boolean[],
  second: readonly boolean[],
): { drop: number; threshold: number; pValue: number } {
  const images = first.length;
  const lost = first.filter((right, image) => right && !second[image]).length;
  const won = second.filter((right, image) => right && !first[image]).length;
  const differing = lost + won;
  let needed = Math.ceil(differing / 2);
  while (needed <= differing && atLeast(needed, differing) >= significance) needed++;
  const significantDrop = needed > differing ? 1 : (2 * needed - differing) / images;
  return {
    drop: (lost - won) / images,
    threshold: Math.max(tolerance, significantDrop),
    pValue: atLeast(lost, differing),
  };
}

/**
 * Whether a run is far enough above chance for a fall to be detected.
 * @param chance accuracy of guessing, a fraction
 */
export function hasFarToFall(correct: number, images: number, chance: number): boolean {
  const most = Math.round(correct - chance * images);
  return most / images >= tolerance && atLeast(most, most) < significance;
}

/** Returns P(X >= successes) for a number of fair coin tosses. */
function atLeast(successes: number, tosses: number): number {
  return successes <= 0 ? 1 : jStat.ibeta(0.5, successes, tosses - successes + 1);
}
