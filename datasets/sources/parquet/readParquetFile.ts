import { type FileHandle, open } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import {
  type AsyncBuffer,
  type FileMetaData,
  parquetMetadataAsync,
  parquetReadObjects,
  parquetSchema,
} from 'hyparquet';
import pMap from 'p-map';
import { contentKind } from '../../contentKind.ts';
import { describeFault } from '../../describeFault.ts';
import { plainText } from '../../plainText.ts';
import { IMAGE_BYTES } from '../../source.ts';
import { UserError } from '../../userError.ts';
import { decodePixels } from '../decodePixels.ts';
import { PixelFault, type PixelOrder, writePixels } from '../rawPixels.ts';
import { checkParquet, ParquetFault } from './checkParquet.ts';
import { type ColumnOptions, chooseColumns } from './chooseColumns.ts';
import { codecs } from './codecs.ts';

export interface ParquetOptions extends ColumnOptions {
  readonly pixelOrder?: PixelOrder | undefined;
}

/** Lengths of images that are stored as bare values. */
const rawSizes = [784, 1024, 3072];
const remedy =
  'Give Parquet files with one image per row, as the content of an image file or as a list of integers, and its label.';

/** Takes what is read of a file. */
export interface ParquetReceiver {
  /** Called at every step, so that a reader that hangs can be told from one that is slow. */
  progress(): void;
  /** Called once, before any images. `names` are the classes that the file names, by label. */
  start(rows: number, names: readonly string[] | null): void;
  /** `images` is uint8 [labels, 32, 32, 3]; the next ones are read once the promise is fulfilled. */
  images(images: Uint8Array, labels: readonly (string | number)[]): Promise<void>;
}

/** Images that are decoded and handed over together. */
const AT_ONCE = 500;
/** Bytes that are read from the disk between two reports of progress. */
const PIECE_BYTES = 2 ** 23;

/**
 * Reads the images and labels of a Parquet file. An image is a struct with `bytes` as hubs have it, the content of an
 * image file, or a list of integers, nested or not. A damaged file can make this run for ever or use up the memory of
 * the process: {@link readParquet} runs it in a process with limits.
 *
 * @throws UserError that names the file, the row and what is wrong
 */
export async function readParquetFile(
  path: string,
  options: ParquetOptions,
  receiver: ParquetReceiver,
): Promise<void> {
  const handle = await open(path).catch((error) => {
    throw new UserError({ path, reason: `cannot be read (${describeFault(error)})`, remedy });
  });
  try {
    await readOpened(path, handle, options, receiver);
  } finally {
    await handle.close();
  }
}

async function readOpened(
  path: string,
  handle: FileHandle,
  options: ParquetOptions,
  receiver: ParquetReceiver,
): Promise<void> {
  const file = await understood(path, () => bufferOf(handle, receiver.progress));
  const metadata = await readMetadata(path, file);
  const columns = await understood(path, async () => chooseColumns(path, parquetSchema(metadata), options));
  await understood(path, () => checkParquet(file, metadata, [columns.image, columns.label]));
  receiver.start(Number(metadata.num_rows), hubNames(metadata, columns.label));
  let rowStart = 0;
  // By row group, because lists of integers take many times their size in memory.
  for (const group of metadata.row_groups) {
    const rowEnd = rowStart + Number(group.num_rows);
    const rows = await understood(path, () =>
      parquetReadObjects({
        file,
        metadata,
        columns: [columns.image, columns.label],
        rowStart,
        rowEnd,
        compressors: codecs,
        utf8: false,
        onPage: receiver.progress,
      }),
    );
    for (let at = 0; at < rows.length; at += AT_ONCE) {
      const part = rows.slice(at, at + AT_ONCE);
      const images = new Uint8Array(part.length * IMAGE_BYTES);
      const faults = await pMap(
        part,
        (row, index) =>
          writeImage(row[columns.image], options.pixelOrder, images, index * IMAGE_BYTES).then(
            receiver.progress,
            (error: Error) => error,
          ),
        { concurrency: 2 * availableParallelism() },
      );
      // The first row that is wrong, whichever was decoded first.
      const bad = faults.findIndex((fault) => fault instanceof Error);
      if (bad !== -1) throw rowFault(path, rowStart + at + bad, columns.image, faults[bad] as Error);
      const labels = part.map((row, index) =>
        labelOf(row[columns.label], path, rowStart + at + index, columns.label),
      );
      await receiver.images(images, labels);
    }
    rowStart = rowEnd;
  }
}

/** Returns a file for the reader of Parquet. It is read in pieces, with a report of progress after each. */
async function bufferOf(handle: FileHandle, progress: () => void): Promise<AsyncBuffer> {
  const { size } = await handle.stat();
  return {
    byteLength: size,
    async slice(from, to = size) {
      const start = from < 0 ? Math.max(0, size + from) : from;
      const buffer = new Uint8Array(Math.max(0, Math.min(to, size) - start));
      for (let at = 0; at < buffer.length; ) {
        const { bytesRead } = await handle.read(
          buffer,
          at,
          Math.min(PIECE_BYTES, buffer.length - at),
          start + at,
        );
        if (bytesRead === 0) throw new Error('it became shorter while it was read');
        at += bytesRead;
        progress();
      }
      return buffer.buffer;
    },
  };
}

async function readMetadata(path: string, file: AsyncBuffer): Promise<FileMetaData> {
  const start = await understood(
    path,
    async () => new Uint8Array(await file.slice(0, Math.min(512, file.byteLength))),
  );
  if (Buffer.from(start).toString('latin1', 0, 4) !== 'PAR1') {
    throw new UserError({
      path,
      reason: `is no Parquet file: this is ${contentKind(start) ?? 'something else'}`,
      remedy,
    });
  }
  return understood(path, () => parquetMetadataAsync(file, { geoparquet: false }));
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
