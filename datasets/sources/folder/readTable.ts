import { readFile, stat } from 'node:fs/promises';
import { parse } from 'csv-parse/sync';
import { describeFault } from '../../describeFault.ts';
import { UserError } from '../../userError.ts';
import { delimiterOf } from '../delimiter.ts';
import { identifyBytes } from './identify.ts';
import { readJsonLines } from './jsonLines.ts';

/** A row of a table, with its line in the file. */
export interface Row {
  readonly cells: readonly string[];
  readonly line: number;
}

/** A table of a million paths is far smaller. */
const MOST_BYTES = 2 ** 28;

/** Returns whether a file is a table by the suffix of its name. */
export const isTableName = (name: string): boolean => /\.(csv|tsv|jsonl)$/i.test(name);

/**
 * Reads a table of text: fields separated by commas, semicolons, tabs, bars or spaces, quoted or not, in UTF-8 or
 * UTF-16, with or without a byte order mark; or one JSON object per line. Cells are trimmed.
 *
 * @param shown the name in messages
 * @throws UserError if the file cannot be read or is not such a table
 */
export async function readTable(path: string, shown: string): Promise<Row[]> {
  const remedy = 'Give a table of file names and labels, as CSV.';
  const bytes = await readRegular(path).catch((error) => {
    throw new UserError({ path: shown, reason: `cannot be read (${describeFault(error)})`, remedy });
  });
  if (bytes === null) throw new UserError({ path: shown, reason: 'is not a file', remedy });
  const text = await textOf(bytes, shown);
  try {
    if (/^\s*\{/.test(text)) return readJsonLines(text);
    const { delimiter, skipped } = delimiterOf(text);
    const rows = parse(text, {
      delimiter,
      from_line: 1 + skipped,
      relax_column_count: true,
      skip_empty_lines: true,
      skip_records_with_empty_values: true,
      // Trimming would take these separators, too.
      trim: delimiter !== '\t' && delimiter !== ' ',
      info: true,
    }) as unknown as { record: string[]; info: { lines: number } }[];
    if (rows.length === 0) throw new Error('it has no rows');
    return rows.map(({ record, info }) => ({ cells: record.map((cell) => cell.trim()), line: info.lines }));
  } catch (error) {
    throw new UserError({
      path: shown,
      reason: `is not a table (${describeFault(error)})`,
      remedy: 'Save it again as CSV.',
    });
  }
}

/** Returns null for a folder, pipe or device: a pipe may never end. */
async function readRegular(path: string): Promise<Buffer | null> {
  const { size, isFile } = await stat(path).then((stats) => ({ size: stats.size, isFile: stats.isFile() }));
  if (size > MOST_BYTES) throw new Error(`it has ${size} bytes; at most ${MOST_BYTES} are read`);
  return isFile ? readFile(path) : null;
}

async function textOf(bytes: Buffer, shown: string): Promise<string> {
  const encoding =
    bytes[0] === 0xff && bytes[1] === 0xfe
      ? 'utf-16le'
      : bytes[0] === 0xfe && bytes[1] === 0xff
        ? 'utf-16be'
        : 'utf-8';
  try {
    const text = new TextDecoder(encoding, { fatal: true }).decode(bytes);
    if (text !== '' && !text.includes('\0')) return text;
  } catch {
    // Explained below.
  }
  const { is } = await identifyBytes(bytes.subarray(0, 4100));
  const reason = /^(in no known|text)/.test(is)
    ? 'is not text in UTF-8 or UTF-16'
    : `is ${is}, not a table of text`;
  throw new UserError({ path: shown, reason, remedy: 'Save the table as CSV in UTF-8.' });
}
