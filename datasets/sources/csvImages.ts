import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { parse } from 'csv-parse';
import { describeFault } from '../describeFault.ts';
import { IMAGE_BYTES } from '../source.ts';
import { UserError } from '../userError.ts';
import { delimiterOf } from './delimiter.ts';
import { PixelFault, writePixels } from './rawPixels.ts';
import type { TableImages, TableOptions } from './tableSource.ts';

/** Usual names of the label column. */
const labelNames = ['label', 'labels', 'class', 'category', 'target', 'y'];
const MOST_ROWS = 1_000_000;
/** Characters of a row: 3,072 values of three digits, and a long label. */
const MOST_ROW_CHARACTERS = 2 ** 16;
const remedy =
  'Give a CSV file with one image per row: a label, and 784, 1024 or 3072 values from 0 to 255. For a table of file names, use --source folder.';

/**
 * Reads CSV files with one image per row: a column with the label and one column per value. With a header, the label
 * column is found by its name; without, it is the first.
 *
 * @throws UserError that names the file, the row and what is wrong
 */
export async function readCsvImages(
  paths: readonly string[],
  options: Pick<TableOptions, 'labelColumn' | 'pixelOrder'>,
): Promise<TableImages> {
  const images: Uint8Array[] = [];
  const labels: (string | number)[] = [];
  for (const path of paths) await readFile(path, options, images, labels);
  const areNumbers = labels.every((label) => /^\d{1,9}$/.test(String(label)));
  return {
    images: new Uint8Array(Buffer.concat(images)),
    labels: areNumbers ? labels.map(Number) : labels,
    names: null,
  };
}

async function readFile(
  path: string,
  { labelColumn, pixelOrder }: Pick<TableOptions, 'labelColumn' | 'pixelOrder'>,
  images: Uint8Array[],
  labels: (string | number)[],
): Promise<void> {
  const { delimiter, skipped } = delimiterOf(await firstLines(path));
  const parser = parse({
    delimiter,
    from_line: 1 + skipped,
    bom: true,
    trim: true,
    skip_empty_lines: true,
    max_record_size: MOST_ROW_CHARACTERS,
  });
  const file = createReadStream(path);
  file.on('error', (error) => parser.destroy(error));
  let line = 0;
  let label: number | null = null;
  try {
    for await (const cells of file.pipe(parser) as AsyncIterable<string[]>) {
      line += 1;
      if (line > MOST_ROWS) throw new PixelFault(`is more than the ${MOST_ROWS} rows that are read`);
      if (label === null) {
        label = labelAt(path, cells, labelColumn);
        if (isHeader(cells, label)) continue;
      }
      const at = label;
      const name = cells[at];
      if (name === undefined || name === '') throw new PixelFault('has no label');
      const values = cells
        .filter((_, index) => index !== at)
        .map((text) => (text === '' ? Number.NaN : Number(text)));
      const image = new Uint8Array(IMAGE_BYTES);
      writePixels(values, [values.length], pixelOrder, image, 0);
      images.push(image);
      labels.push(name);
    }
  } catch (error) {
    if (error instanceof UserError) throw error;
    const reason =
      error instanceof PixelFault
        ? `row ${line} ${error.message}`
        : line === 0
          ? `cannot be read (${describeFault(error)})`
          : `cannot be read after row ${line} (${describeFault(error)})`;
    throw new UserError({ path, reason, remedy });
  } finally {
    file.destroy();
  }
  if (images.length === 0) throw new UserError({ path, reason: 'has no row with an image', remedy });
}

/** Returns the beginning of a file, long enough for its first row; empty if it cannot be read. */
async function firstLines(path: string): Promise<string> {
  const file = await open(path).catch(() => null);
  try {
    const start = await file?.read(Buffer.alloc(MOST_ROW_CHARACTERS), 0, MOST_ROW_CHARACTERS, 0);
    return start?.buffer.toString('utf8', 0, start.bytesRead).replace(/^\ufeff/, '') ?? '';
  } catch {
    // Reported when the file is read.
    return '';
  } finally {
    await file?.close();
  }
}

/** Returns the index of the label column, from the first row. */
function labelAt(path: string, cells: readonly string[], named: string | undefined): number {
  const lower = cells.map((cell) => cell.toLowerCase());
  if (named === undefined) return Math.max(0, ...labelNames.map((name) => lower.indexOf(name)));
  const found = cells.indexOf(named);
  if (found !== -1) return found;
  throw new UserError({
    option: `--label-column ${named}`,
    path,
    reason: `has no such column; its columns are ${cells.slice(0, 5).join(', ')}${cells.length > 5 ? ', …' : ''}`,
    remedy,
  });
}

/** A header has text where an image has numbers. */
function isHeader(cells: readonly string[], label: number): boolean {
  return cells.some((cell, index) => index !== label && !/^-?[\d.]+(?:e[+-]?\d+)?$/i.test(cell));
}
