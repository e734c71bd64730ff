import { UserError } from '../../userError.ts';
import type { LabelOf } from './labelColumns.ts';
import type { Row } from './readTable.ts';

const isZero = (cell: string) => /^(?:0(?:\.0*)?|false)$/i.test(cell);
const isOne = (cell: string) => /^(?:1(?:\.0*)?|true)$/i.test(cell);
/** Share of the rows that must have a single 1, so that the others are mistakes. */
const LEAST_SINGLE = 0.9;

/**
 * Finds labels that are given by one column per class, with 1 in the column of the image's class and 0 in the others.
 *
 * @param columns those that may be classes
 * @returns null if there are no two columns of 0 and 1
 * @throws UserError if many rows have several labels or none
 */
export function oneHotLabels(
  headings: readonly string[],
  columns: readonly number[],
  rows: readonly Row[],
  shown: string,
): { labelOf: LabelOf; labelsFrom: string } | null {
  const classes = columns.filter(
    (column) =>
      rows.length > 0 && rows.every(({ cells }) => isZero(cells[column] ?? '') || isOne(cells[column] ?? '')),
  );
  if (classes.length < 2) return null;
  const onesOf = (cells: readonly string[]) => classes.filter((column) => isOne(cells[column]!));
  const single = rows.filter(({ cells }) => onesOf(cells).length === 1).length;
  const names = classes.map((column) => headings[column]!);
  if (single < LEAST_SINGLE * rows.length) {
    throw new UserError({
      path: shown,
      reason: `${rows.length - single} of ${rows.length} rows have several labels or none: the columns of 0 and 1 are ${names.join(', ')}`,
      remedy: 'Each image needs one label. Name one column with --label-column, or remove such rows.',
    });
  }
  return {
    labelOf: (cells) => {
      const ones = onesOf(cells).map((column) => headings[column]!);
      return ones.length > 1 ? { reason: `has the labels ${ones.join(', ')}` } : { label: ones[0] ?? '' };
    },
    labelsFrom: ` in the columns ${names.join(', ')}`,
  };
}
