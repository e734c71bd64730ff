import { availableParallelism } from 'node:os';
import {
  type AsyncBuffer,
  asyncBufferFromFile,
  type FileMetaData,
  parquetMetadataAsync,
  parquetReadObjects,
  parquetSchema,
} from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import pMap from 'p-map';
import { contentKind } from '../../contentKind.ts';
import { describeFault } from '../../describeFault.ts';
import { plainText } from '../../plainText.ts';
import { IMAGE_BYTES } from '../../source.ts';
import { UserError } from '../../userError.ts';
import { decodePixels } from '../decodePixels.ts';
import { PixelFault, type PixelOrder, writePixels } from '../rawPixels.ts';
import type { TableImages } from '../tableSource.ts';
import { checkParquet, ParquetFault } from './checkParquet.ts';
import { type ColumnOptions, chooseColumns } from './chooseColumns.ts';

export interface ParquetOptions extends ColumnOptions {
  readonly pixelOrder?: PixelOrder | undefined;
}

/** Lengths of images that are stored as bare values. */
const rawSizes = [784, 1024, 3072];
const remedy =
  'Give Parquet files with one image per row, as the content of an image file or as a list of integers, and its label.';

/**
 * Reads the images and labels of Parquet files. An image is a struct with `bytes` as hubs have it, the content of an
 * image file, or a list of integers, nested or not.
 *
 * @throws UserError that names the file, the row and what is wrong
 */
export async function readParquet(paths: readonly string[], options: ParquetOptions): Promise<TableImages> {
  const parts: TableImages[] = [];
  for (const path of paths) parts.push(await readFile(path, options));
  const names = parts[0]?.names ?? null;
  const other = parts.findIndex((part) => (part.names ?? []).join('\n') !== (names ?? []).join('\n'));
  if (other !== -1) {
    throw new UserError({ path: paths[other]!, reason: `names other classes than ${paths[0]}`, remedy });
  }
  return {
    images:
      parts.length === 1
        ? parts[0]!.images
        : new Uint8Array(Buffer.concat(parts.map(({ images }) => images))),
    labels: parts.flatMap(({ labels }) => labels),
    names,
  };
}

async function readFile(path: string, options: ParquetOptions): Promise<TableImages> {
  const { file, metadata } = await openParquet(path);
  const columns = await understood(path, async () => chooseColumns(path, parquetSchema(metadata), options));
  await understood(path, () => checkParquet(file, metadata, [columns.image, columns.label]));
  const images = new Uint8Array(Number(metadata.num_rows) * IMAGE_BYTES);
  const labels: (string | number)[] = [];
  // By row group, because lists of integers take many times their size in memory.
  for (const group of metadata.row_groups) {
    const rowStart = labels.length;
    const rowEnd = rowStart + Number(group.num_rows);
    const rows = await understood(path, () =>
      parquetReadObjects({
        file,
        metadata,
        columns: [columns.image, columns.label],
        rowStart,
        rowEnd,
        compressors,
        utf8: false,
      }),
    );
    const faults = await pMap(
      rows,
      (row, index) =>
        writeImage(row[columns.image], options.pixelOrder, images, (rowStart + index) * IMAGE_BYTES).then(
          () => null,
          (error: Error) => error,
        ),
      { concurrency: 2 * availableParallelism() },
    );
    // The first row that is wrong, whichever was decoded first.
    const bad = faults.findIndex((fault) => fault !== null);
    if (bad !== -1) throw rowFault(path, rowStart + bad, columns.image, faults[bad]!);
    for (const row of rows) labels.push(labelOf(row[columns.label], path, labels.length, columns.label));
  }
  return { images, labels, names: hubNames(metadata, columns.label) };
}

async function openParquet(path: string): Promise<{ file: AsyncBuffer; metadata: FileMetaData }> {
  const file = await asyncBufferFromFile(path).catch((error) => {
    throw new UserError({ path, reason: `cannot be read (${describeFault(error)})`, remedy });
  });
  const start = new Uint8Array(await file.slice(0, Math.min(512, file.byteLength)));
  if (Buffer.from(start).toString('latin1', 0, 4) !== 'PAR1') {
    throw new UserError({
      path,
      reason: `is no Parquet file: this is ${contentKind(start) ?? 'something else'}`,
      remedy,
    });
  }
  const metadata = await understood(path, () => parquetMetadataAsync(file, { geoparquet: false }));
  return { file, metadata };
}

/** Turns what the reader throws for a file that is not in the format into an error that names the file. */
async function understood<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof UserError) throw error;
    const reason = plainText((error as Error).message.split('\n')[0]!).slice(0, 300);
    const what =
      error instanceof ParquetFault
        ? 'is not readable'
        : 'is truncated, damaged or not a Parquet file that is read';
    throw new UserError({ path, reason: `${what} (${reason})`, remedy });
  }
}

async function writeImage(
  value: unknown,
  order: PixelOrder | undefined,
  images: Uint8Array,
  to: number,
): Promise<void> {
  const content = bytesIn(value);
  if (content !== null) {
    const decoded = await decodePixels(content).catch((error: Error) => error);
    if (!(decoded instanceof Error)) images.set(decoded, to);
    else if (!rawSizes.includes(content.length)) throw decoded;
    else writePixels(content, [content.length], order, images, to);
    return;
  }
  const { values, axes } = flattened(value);
  writePixels(values, axes, order, images, to);
}

/** Returns the bytes of an image as a hub has them, `{ bytes, path }`, or alone; null if it is a list. */
function bytesIn(value: unknown): Uint8Array | null {
  if (value === null || value === undefined) throw new PixelFault('is missing');
  if (value instanceof Uint8Array) return value;
  if (typeof value === 'object' && 'bytes' in value) {
    if (value.bytes instanceof Uint8Array) return value.bytes;
    throw new PixelFault('has no bytes: it is only the name of a file');
  }
  return null;
}

/** Returns the numbers of nested lists, and the lengths of the axes. */
function flattened(value: unknown): { values: number[]; axes: number[] } {
  const axes: number[] = [];
  for (let inner = value; isList(inner); inner = inner[0]) axes.push(inner.length);
  if (axes.length === 0 || axes.length > 3)
    throw new PixelFault('is neither an image nor a list of integers');
  const values: number[] = [];
  const visit = (list: unknown, depth: number): void => {
    if (!isList(list) || list.length !== axes[depth])
      throw new PixelFault('is a list of lists of different lengths');
    for (let index = 0; index < list.length; index++) {
      if (depth === axes.length - 1) values.push(Number(list[index]));
      else visit(list[index], depth + 1);
    }
  };
  visit(value, 0);
  return { values, axes };
}

function isList(value: unknown): value is ArrayLike<unknown> {
  return Array.isArray(value) || (ArrayBuffer.isView(value) && 'length' in value);
}

function labelOf(value: unknown, path: string, row: number, column: string): string | number {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('utf8');
  if (typeof value === 'string') return value;
  const number = Number(value ?? Number.NaN);
  if (Number.isSafeInteger(number) && number >= 0) return number;
  throw new UserError({
    path,
    reason: `row ${row} has the ${column} ${String(value).slice(0, 20)}; expected an integer of at least 0 or a text`,
    remedy: 'Leave out rows without a label; the test set of a contest often has none.',
  });
}

function rowFault(path: string, row: number, column: string, error: Error): UserError {
  const reason =
    error instanceof PixelFault
      ? `row ${row}: its ${column} ${error.message}`
      : `row ${row}: its ${column} is not a readable image (${describeFault(error)})`;
  return new UserError({ path, reason, remedy: 'Correct or leave out the row and run the command again.' });
}

/** Returns the class names that the hub's library stores with a file. */
function hubNames({ key_value_metadata = [] }: FileMetaData, column: string): string[] | null {
  try {
    const text = key_value_metadata.find(({ key }) => key === 'huggingface')?.value;
    const names = JSON.parse(text ?? 'null')?.info?.features?.[column]?.names;
    return Array.isArray(names) && names.every((name) => typeof name === 'string') ? names : null;
  } catch {
    return null;
  }
}
