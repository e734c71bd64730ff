import type { LabelledRow } from './labelledRows.ts';
import { counted } from './seen.ts';
import type { Half } from './splitColumn.ts';

/** Which rows of tables with a given split are used, and as what. */
export interface UsableHalves {
  /** The half that the held-out images come from; undefined if there is no given split. */
  readonly taken: Half | undefined;
  isUsed(half: Half | undefined): boolean;
  isHeldOut(half: Half | undefined): boolean;
  readonly warnings: readonly string[];
}

/** Held-out images come from the test rows, or from the validation rows if the others have no labels or do not exist. */
export function usableHalves(rows: readonly LabelledRow[]): UsableHalves {
  const of = (half: Half) => rows.filter((row) => row.half === half);
  const hasLabels = (half: Half) => of(half).some(({ label }) => label !== '');
  if (!hasLabels('train')) {
    return { taken: undefined, isUsed: () => true, isHeldOut: () => false, warnings: [] };
  }
  const heldOut = ['test', 'validation'] as const;
  const taken = heldOut.find(hasLabels);
  const warnings = heldOut
    .filter((half) => half !== taken && of(half).length > 0)
    .map((half) => {
      const why = hasLabels(half) ? `the held-out images come from ${taken}` : 'they have no labels';
      return `${counted(of(half).length, 'row')} of ${half} not used: ${why}.`;
    });
  return {
    taken,
    isUsed: (half) => half === undefined || half === 'train' || half === taken,
    isHeldOut: (half) => half !== undefined && half === taken,
    warnings,
  };
}
