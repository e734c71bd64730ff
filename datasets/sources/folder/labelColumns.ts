import type { Row } from './readTable.ts';

/** Returns the label of a row, empty if it has none, or why there is no single one. */
export type LabelOf = (cells: readonly string[]) => { readonly label: string } | { readonly reason: string };

/** Usual headings, the surest first, in lower case without `_`, `-` and spaces. `y` may be a coordinate. */
const ranks: readonly (readonly string[])[] = [
  'label labels class classname classes classid labelname labelid category categories categoryname target targets'.split(
    ' ',
  ),
  ['species', 'breed', 'diagnosis'],
  ['dx', 'y', 'level'],
];
export const labelHeadings = {
  ranks,
  includes: (heading: string): boolean => ranks.some((rank) => rank.includes(heading)),
};

export function labelsInColumn(
  column: number,
  heading: string | undefined,
): { labelOf: LabelOf; labelsFrom: string } {
  return {
    labelOf: (cells) => ({ label: cells[column] ?? '' }),
    labelsFrom: heading === undefined ? '' : ` in the column "${heading}"`,
  };
}

/**
 * Returns the column to take of several that may hold the labels, if they say the same: a number and a name per class.
 * The names are preferred. Undefined if they differ, or if there is none.
 */
export function oneOfEqual(columns: readonly number[], rows: readonly Row[]): number | undefined {
  const [first, ...others] = columns;
  if (first === undefined || others.some((other) => !areEquivalent(first, other, rows))) return undefined;
  const isText = (column: number) => rows.some(({ cells }) => !/^-?[\d.]*$/.test(cells[column] ?? ''));
  return columns.find(isText) ?? first;
}

/** Whether each value of one column always stands beside the same value of the other. */
function areEquivalent(one: number, other: number, rows: readonly Row[]): boolean {
  const [there, back] = [new Map<string, string>(), new Map<string, string>()];
  const isSame = (map: Map<string, string>, from: string, to: string) => {
    if (!map.has(from)) map.set(from, to);
    return map.get(from) === to;
  };
  return rows.every(({ cells }) => {
    const [a, b] = [cells[one] ?? '', cells[other] ?? ''];
    return isSame(there, a, b) && isSame(back, b, a);
  });
}
