import type { Row } from './readTable.ts';
import { isHeldOut, isTraining } from './roles.ts';

/** Which images a row or a table is about: those to train on, to test on, or to validate on. */
export type Half = 'train' | 'test' | 'validation';

const headingsOfSplits = ['split', 'set', 'subset', 'partition', 'usage', 'datasplit', 'dataset'];
/** Headings that mean nothing else: their column is named if it cannot be used. */
const certain = ['split', 'datasplit', 'partition'];

/** Returns the half that a name means, such as `Training`, `test` or `val`; undefined if it means none. */
export function halfOf(name: string): Half | undefined {
  if (isTraining(name)) return 'train';
  if (/^(?:dev|eval)$/i.test(name)) return 'validation';
  if (!isHeldOut(name)) return undefined;
  return /test/i.test(name) ? 'test' : 'validation';
}

/**
 * Finds the column that says for each image which half of a split it is in.
 *
 * @returns its index, and a value that is not understood if there is one; undefined if there is no such column
 */
export function splitColumn(
  headings: readonly string[],
  rows: readonly Row[],
): { readonly column: number; readonly unknown?: string } | undefined {
  for (const heading of headingsOfSplits) {
    const column = headings.indexOf(heading);
    if (column === -1) continue;
    const unknown = rows.map(({ cells }) => cells[column] ?? '').find((cell) => halfOf(cell) === undefined);
    if (unknown === undefined) return { column };
    if (certain.includes(heading)) return { column, unknown };
  }
  return undefined;
}
