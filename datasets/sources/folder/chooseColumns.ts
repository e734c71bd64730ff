import { UserError } from '../../userError.ts';
import type { FileIndex } from './fileIndex.ts';
import { type LabelOf, labelHeadings, labelsInColumn, oneOfEqual } from './labelColumns.ts';
import { oneHotLabels } from './oneHot.ts';
import type { Row } from './readTable.ts';
import { type SplitColumn, splitColumn } from './splitColumn.ts';

/** Usual headings of the column with the files, in lower case without `_`, `-` and spaces. */
const fileHeadings = new Set(
  'id image imageid imageids images img imgid imgname imagename imagepath imagefile file files filename filenames filepath fname path name relativepath'.split(
    ' ',
  ),
);
/** Headings of a column that only counts the rows, as pandas writes it. */
const counting = /^(?:unnamed.*|index|)$/;

export interface ColumnOptions {
  /** Heading of the column with the file names that the user gave. */
  readonly imageColumn?: string | undefined;
  /** Heading of the column with the labels that the user gave. */
  readonly labelColumn?: string | undefined;
}

export interface Columns {
  /** Index of the column with the file names. */
  readonly file: number;
  /** Returns the label of a row. */
  readonly labelOf: LabelOf;
  /** Where the labels come from, for messages; empty if the columns have no names. */
  readonly labelsFrom: string;
  /** The column that says which half of a split an image is in; undefined if there is none. */
  readonly split: SplitColumn | undefined;
  /** Whether the first row holds the headings. */
  readonly hasHeader: boolean;
  readonly warnings: readonly string[];
}

/** As many rows as decide which column names files. */
const MOST_TRIED = 1000;
export const plainHeading = (heading: string) => heading.toLowerCase().replace(/[\s_-]/g, '');

/**
 * Finds the columns of a table of labels. The files are in the column whose values name most files. The labels are in
 * the column with a usual heading, in the only other one, or in one column per class with 0 and 1.
 *
 * @throws UserError if the table does not say which column is which
 */
export function chooseColumns(
  rows: readonly Row[],
  index: FileIndex,
  about: ColumnOptions & { readonly shown: string; readonly from: string },
): Columns {
  const first = rows[0]!.cells;
  const headings = first.map(plainHeading);
  const isUsual = (heading: string) => fileHeadings.has(heading) || labelHeadings.includes(heading);
  const hasHeader =
    first.some((cell) => cell === about.labelColumn || cell === about.imageColumn) ||
    headings.some(isUsual) ||
    first.every((cell) => index.find(cell).length === 0);
  const content = hasHeader ? rows.slice(1) : rows;
  if (first.length < 2) {
    throw new UserError({
      path: about.shown,
      reason: `has one column ("${first[0]}"); expected one with file names and one with labels`,
      remedy: 'Separate the columns by commas, semicolons or tabs.',
    });
  }
  const split = hasHeader ? splitColumn(headings, content) : undefined;
  const isSplitUsed = split !== undefined && split.unknown === undefined;
  const named = namedColumn('--label-column', about.labelColumn, first, hasHeader, about.shown);
  const likely = named !== undefined ? [named] : hasHeader ? likelyLabels(headings) : [];
  const file =
    namedColumn('--image-column', about.imageColumn, first, hasHeader, about.shown) ??
    chooseFile(rows, hasHeader, likely, index, about);
  const chosen = { file, split: isSplitUsed ? split : undefined, hasHeader };
  const warnings =
    split?.unknown === undefined
      ? []
      : [
          `The column "${first[split.column]}" of ${about.shown} is not used as a split: "${split.unknown}" is none of train, test and validation.`,
        ];
  const inColumn = (column: number): Columns => ({
    ...chosen,
    ...labelsInColumn(column, hasHeader ? first[column] : undefined),
    warnings,
  });
  const usual = likely.filter((column) => column !== file);
  const best = oneOfEqual(usual, content);
  if (best !== undefined) return inColumn(best);
  const remaining = [...first.keys()].filter(
    (column) =>
      column !== file &&
      column !== split?.column &&
      !(hasHeader && first.length > 2 && counting.test(headings[column]!)),
  );
  if (usual.length === 0 && remaining.length === 1) return inColumn(remaining[0]!);
  const oneHot =
    usual.length === 0 && hasHeader ? oneHotLabels(first, remaining, content, about.shown) : null;
  if (oneHot !== null) return { ...chosen, ...oneHot, warnings };
  throw new UserError({
    path: about.shown,
    reason: `does not say which column holds the labels; ${
      usual.length > 1
        ? `${usual.map((column) => first[column]).join(', ')} differ`
        : `it has ${first.join(', ')}`
    }`,
    remedy: hasHeader
      ? 'Name it with --label-column.'
      : 'Add a first row with the names of the columns, such as "file" and "label".',
  });
}

/** Returns the columns with the most usual of the headings that occur. */
function likelyLabels(headings: readonly string[]): number[] {
  const columnsOf = (names: readonly string[]) =>
    [...headings.keys()].filter((column) => names.includes(headings[column]!));
  return labelHeadings.ranks.map(columnsOf).find((columns) => columns.length > 0) ?? [];
}

function chooseFile(
  rows: readonly Row[],
  hasHeader: boolean,
  labels: readonly number[],
  index: FileIndex,
  { shown, from }: { readonly shown: string; readonly from: string },
): number {
  const first = rows[0]!.cells;
  const tried = rows.slice(hasHeader ? 1 : 0, MOST_TRIED);
  const filesOf = first.map((_, column) =>
    tried.map(({ cells }) => (labels.includes(column) ? undefined : index.find(cells[column] ?? '')[0])),
  );
  const scores = filesOf.map((files) => new Set(files.filter((file) => file !== undefined)).size);
  const most = Math.max(...scores);
  if (most === 0) {
    throw new UserError({
      path: shown,
      reason: `names no file in ${from}; its ${hasHeader ? 'columns are' : 'first row is'} ${first.join(', ')}${hasHeader && rows.length > 1 ? `, its first row ${rows[1]!.cells.join(', ')}` : ''}`,
      remedy: 'Give the folder of its images with --from.',
    });
  }
  const candidates = [...first.keys()].filter((column) => scores[column]! > most / 2);
  const isUsual = (column: number) => hasHeader && fileHeadings.has(plainHeading(first[column]!));
  const usual = candidates.filter(isUsual);
  const [best] = (usual.length > 0 ? usual : candidates).toSorted((a, b) => scores[b]! - scores[a]!);
  const rivals = (usual.length > 0 ? usual : candidates).filter((column) =>
    filesOf[column]!.some(
      (file, row) =>
        file !== undefined && filesOf[best!]![row] !== undefined && file !== filesOf[best!]![row],
    ),
  );
  if (rivals.length === 0 || !hasHeader) return best!;
  throw new UserError({
    path: shown,
    reason: `does not say which column names the images; ${[best!, ...rivals].map((column) => first[column]).join(', ')} name different files`,
    remedy: 'Name it with --image-column.',
  });
}

/** Returns the index of a column that the user named; undefined if none was named. */
function namedColumn(
  option: string,
  name: string | undefined,
  first: readonly string[],
  hasHeader: boolean,
  shown: string,
): number | undefined {
  if (name === undefined) return undefined;
  const given = first.indexOf(name);
  const column = given === -1 ? first.map(plainHeading).indexOf(plainHeading(name)) : given;
  if (column !== -1 && hasHeader) return column;
  throw new UserError({
    option: `${option} ${name}`,
    reason: `${shown} has no such column; it has ${first.join(', ')}`,
    remedy: 'Give one of these.',
  });
}
