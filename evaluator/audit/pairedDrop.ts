import jStat from 'jstat';
import { significance } from './chance.ts';

/**
 * Smallest drop in accuracy that counts, as a fraction. Two trainings of an honest entry differ too, and a test over
 * images does not know of that: runs of the reference submission, ten minutes each, have a standard deviation of 0.5
 * points over seeds (README), so that this is seven standard deviations of a difference between two.
 */
export const tolerance = 0.05;

/**
 * Whether a second run answers the same images worse than a first one: McNemar's exact test, one-sided, over the
 * images that just one of the two has right (McNemar 1947, doi:10.1007/BF02295996).
 *
 * @param first which images the first run has right, [images]
 * @param second the same of the second run
 * @returns `drop` in accuracy, first minus second, and `threshold`, the lowest drop that is at least the tolerance and
 *   has, with as many images that just one of the two has right, a p-value below `significance`; 1 where none has
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
 * Whether a run has so much to lose that its fall to chance would be found.
 * @param chance accuracy of guessing, a fraction
 */
export function hasFarToFall(correct: number, images: number, chance: number): boolean {
  const most = Math.round(correct - chance * images);
  return most / images >= tolerance && atLeast(most, most) < significance;
}

/** P(X >= successes) of as many fair coin tosses. */
function atLeast(successes: number, tosses: number): number {
  return successes <= 0 ? 1 : jStat.ibeta(0.5, successes, tosses - successes + 1);
}
