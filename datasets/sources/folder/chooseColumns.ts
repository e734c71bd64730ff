import { UserError } from '../../userError.ts';
import type { FileIndex } from './fileIndex.ts';
import type { Row } from './readTable.ts';

/** Usual headings of the columns, in lower case without `_`, `-` and spaces. */
const fileHeadings = new Set(
  'id image imageid imageids images img imgid imgname imagename imagepath imagefile file files filename filenames filepath fname path name relativepath'.split(
    ' ',
  ),
);
/** In this order, if several are there. */
const labelHeadings =
  'label labels class classname classes labelname category categories target targets species breed diagnosis dx y classid labelid level'.split(
    ' ',
  );

export interface Columns {
  /** Index of the column with the file names. */
  readonly file: number;
  /** Index of the column with the labels. */
  readonly label: number;
  /** Whether the first row holds the headings. */
  readonly hasHeader: boolean;
}

/** As many rows as decide which column names files. */
const MOST_TRIED = 1000;
const plain = (heading: string) => heading.toLowerCase().replace(/[\s_-]/g, '');

/**
 * Finds the columns of a table of labels: the files are in the column whose values name most files; the labels in the
 * one with a usual heading, or in the only other one.
 *
 * @param labelColumn heading that the user gave
 * @throws UserError if the table does not say which column is which
 */
export function chooseColumns(
  rows: readonly Row[],
  index: FileIndex,
  about: { readonly shown: string; readonly from: string; readonly labelColumn: string | undefined },
): Columns {
  const first = rows[0]!.cells;
  const headings = first.map(plain);
  const isUsual = (heading: string) => fileHeadings.has(heading) || labelHeadings.includes(heading);
  const hasHeader =
    first.some((cell) => cell === about.labelColumn) ||
    headings.some(isUsual) ||
    first.every((cell) => index.find(cell).length === 0);
  const tried = rows.slice(hasHeader ? 1 : 0, MOST_TRIED);
  const label = chooseLabel(first, hasHeader, about);
  const scores = first.map((_, column) => {
    if (column === label) return -1;
    const named = tried.map(({ cells }) => cells[column] ?? '').filter((cell) => index.find(cell).length > 0);
    return new Set(named).size + (hasHeader && fileHeadings.has(headings[column]!) ? 0.5 : 0);
  });
  const file = scores.indexOf(Math.max(...scores));
  if (first.length < 2) {
    throw new UserError({
      path: about.shown,
      reason: `has one column ("${first[0]}"); expected one with file names and one with labels`,
      remedy: 'Separate the columns by commas, semicolons or tabs.',
    });
  }
  if (!(scores[file]! >= 1)) {
    throw new UserError({
      path: about.shown,
      reason: `names no file in ${about.from}; its ${hasHeader ? 'columns are' : 'first row is'} ${first.join(', ')}${hasHeader && rows.length > 1 ? `, its first row ${rows[1]!.cells.join(', ')}` : ''}`,
      remedy: 'Give the folder of its images with --from.',
    });
  }
  if (label !== undefined) return { file, label, hasHeader };
  if (first.length === 2) return { file, label: 1 - file, hasHeader };
  throw new UserError({
    path: about.shown,
    reason: `does not say which column holds the labels; it has ${first.join(', ')}`,
    remedy: hasHeader
      ? 'Name it with --label-column.'
      : 'Add a first row with the names of the columns, such as "file" and "label".',
  });
}

/** Returns the column with the labels by its heading, or undefined if no heading tells. */
function chooseLabel(
  first: readonly string[],
  hasHeader: boolean,
  { shown, labelColumn }: { readonly shown: string; readonly labelColumn: string | undefined },
): number | undefined {
  const headings = first.map(plain);
  if (labelColumn !== undefined) {
    const given = first.indexOf(labelColumn);
    const column = given === -1 ? headings.indexOf(plain(labelColumn)) : given;
    if (column !== -1 && hasHeader) return column;
    throw new UserError({
      option: `--label-column ${labelColumn}`,
      reason: `${shown} has no such column; it has ${first.join(', ')}`,
      remedy: 'Give one of these.',
    });
  }
  if (!hasHeader) return undefined;
  const heading = labelHeadings.find((each) => headings.includes(each));
  return heading === undefined ? undefined : headings.indexOf(heading);
}
