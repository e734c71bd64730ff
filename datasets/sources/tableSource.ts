import { basename, resolve } from 'node:path';
import type { LabelledImages, Source, TestFrom } from '../source.ts';
import { UserError } from '../userError.ts';
import type { ColumnOptions } from './parquet/chooseColumns.ts';
import type { PixelOrder } from './rawPixels.ts';
import { splitTables } from './tableFiles.ts';

export interface TableOptions extends ColumnOptions {
  readonly from: string;
  readonly testFrom: TestFrom;
  readonly pixelOrder?: PixelOrder | undefined;
}

/** Images of tables, in order. */
export interface TableImages {
  /** uint8 [size, 32, 32, 3] */
  readonly images: Uint8Array;
  /** As they are in the table. */
  readonly labels: readonly (string | number)[];
  /** Names of integer labels, if the table has them; else null. */
  readonly names: readonly string[] | null;
}

const MOST_CLASSES = 256;

/**
 * Returns a source of tables with an image and a label in each row: Parquet files or CSV files. Classes are the names
 * that the table has for its labels, else the labels that occur: numbers in order, text by code unit.
 *
 * @throws UserError that names the file, the row and what is wrong
 */
export async function readTables(kind: 'parquet' | 'csv', options: TableOptions): Promise<Source> {
  const { from, testFrom } = options;
  const files = await splitTables(
    from,
    kind,
    `Give --from a .${kind} file, or a folder with files named train and test.`,
  );
  if (testFrom === 'test' && files.test.length === 0) {
    throw new UserError({
      option: '--test-from test',
      path: from,
      reason: `has no .${kind} file named test or validation`,
      remedy: 'Omit --test-from, or give the folder with both files.',
    });
  }
  const read = await readerOf(kind);
  const train = await read(files.train, options);
  const test = testFrom === 'test' ? await read(files.test, options) : null;
  const classes = classesOf(from, train, test);
  const set = ({ images, labels }: TableImages): LabelledImages => ({
    images,
    labels: classes.numbers(labels),
  });
  return {
    kind,
    description: `images in ${basename(resolve(from))}${test === null ? '' : ', tested on its test images'}`,
    classes: classes.names,
    train: set(train),
    ...(test === null ? {} : { test: set(test) }),
  };
}

async function readerOf(kind: 'parquet' | 'csv') {
  if (kind === 'csv') return (await import('./csvImages.ts')).readCsvImages;
  return (await import('./parquet/readParquet.ts')).readParquet;
}

function classesOf(from: string, train: TableImages, test: TableImages | null) {
  const given = train.names;
  if (train.labels.length === 0) {
    throw new UserError({
      path: from,
      reason: 'has no rows',
      remedy: 'Give the file with the training images.',
    });
  }
  const found = [...new Set([...train.labels, ...(test?.labels ?? [])])].sort((a, b) =>
    typeof a === 'number' && typeof b === 'number' ? a - b : String(a) < String(b) ? -1 : 1,
  );
  const isNamed = given !== null && found.every((label) => typeof label === 'number' && label < given.length);
  const names = isNamed ? given : found.map(String);
  if (
    names.length < 2 ||
    names.length > MOST_CLASSES ||
    new Set(names).size < names.length ||
    names.includes('')
  ) {
    throw new UserError({
      path: from,
      reason: `has ${names.length} classes (${names.slice(0, 5).join(', ')}${names.length > 5 ? ', …' : ''}); expected 2 to ${MOST_CLASSES} that differ, none of them empty`,
      remedy: 'Name the column with the labels with --label-column.',
    });
  }
  const index = new Map(
    isNamed ? names.map((_, label) => [label, label]) : found.map((label, at) => [label, at]),
  );
  return {
    names,
    numbers: (labels: readonly (string | number)[]) =>
      Uint8Array.from(labels, (label) => index.get(label as never)!),
  };
}
