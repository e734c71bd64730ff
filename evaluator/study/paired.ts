import { type Spread, spreadOf } from '../score/statistics.ts';

/**
 * Computes the spread of the paired differences of two arms over the cells on which both have an accuracy: their mean
 * with its 95 % interval by Student's t with n - 1 degrees of freedom (paired t test).
 *
 * The differences count as independent. With more than one seed per sample they are not quite, if an arm's effect
 * depends on the sample: prefer more samples to more seeds.
 *
 * @param arm accuracy by cell, null without one; same order as `baseline`
 * @returns null if there is no such cell
 */
export function pairedDifference(
  arm: readonly (number | null)[],
  baseline: readonly (number | null)[],
): Spread | null {
  const differences = arm.flatMap((accuracy, cell) => {
    const other = baseline[cell] ?? null;
    return accuracy === null || other === null ? [] : [accuracy - other];
  });
  return differences.length === 0 ? null : spreadOf(differences);
}
