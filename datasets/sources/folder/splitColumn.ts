import type { Row } from './readTable.ts';
import { isHeldOut, isTraining } from './roles.ts';

/** Which images a row or a table is about: those to train on, to test on, or to validate on. */
export type Half = 'train' | 'test' | 'validation';

type HalfOf = (cell: string) => Half | undefined;

/** Returns the half that a name means, such as `Training`, `test` or `val`; undefined if it means none. */
export function halfOf(name: string): Half | undefined {
  if (isTraining(name)) return 'train';
  if (/^(?:dev|eval)$/i.test(name)) return 'validation';
  if (!isHeldOut(name)) return undefined;
  return /test/i.test(name) ? 'test' : 'validation';
}

/** Reads a column that is true for the images of one half. */
const flag =
  (whenTrue: Half, whenFalse: Half): HalfOf =>
  (cell) =>
    /^(?:true|1)$/i.test(cell) ? whenTrue : /^(?:false|0)$/i.test(cell) ? whenFalse : undefined;

/** Usual headings, in lower case without `_`, `-` and spaces. */
const usual: readonly (readonly [string, HalfOf])[] = [
  ...['split', 'datasplit', 'partition', 'set', 'subset', 'usage', 'dataset'].map(
    (heading) => [heading, halfOf] as const,
  ),
  ['isvalid', flag('validation', 'train')],
  ['isvalidation', flag('validation', 'train')],
  ['istest', flag('test', 'train')],
  ['istrain', flag('train', 'test')],
  ['istraining', flag('train', 'test')],
];
/** Headings that mean nothing else: their column is named if it cannot be used. */
const certain = ['split', 'datasplit', 'partition'];

export interface SplitColumn {
  readonly column: number;
  readonly halfOf: HalfOf;
  /** A value that is not understood, if there is one: then the column does not give the split. */
  readonly unknown?: string;
}

/** Finds the column that says for each image which half of a split it is in; undefined if there is none. */
export function splitColumn(headings: readonly string[], rows: readonly Row[]): SplitColumn | undefined {
  for (const [heading, half] of usual) {
    const column = headings.indexOf(heading);
    if (column === -1) continue;
    const unknown = rows.map(({ cells }) => cells[column] ?? '').find((cell) => half(cell) === undefined);
    if (unknown === undefined) return { column, halfOf: half };
    if (certain.includes(heading)) return { column, halfOf: half, unknown };
  }
  return undefined;
}
