import type { AsyncBuffer, ColumnMetaData, FileMetaData } from 'hyparquet';
import { parquetHeader } from 'hyparquet/src/column.js';

/** More rows are not read: 3 GB of images. */
export const MOST_ROWS = 1_000_000;
/** Values of a column in one row group, which are held in one JavaScript array: 10,922 images of 3,072 values. */
const MOST_VALUES = 2 ** 25;
/** Bytes of a column in one row group, uncompressed. */
const MOST_BYTES = 2 ** 31;

/** A Parquet file claims something that cannot be or that is too much; the message follows "is not readable (". */
export class ParquetFault extends Error {}

/**
 * Checks what a Parquet file claims about some of its columns before anything is allocated for them: numbers of rows,
 * values and bytes, in the file's metadata and in the header of each page.
 *
 * @param columns names of the top-level columns that will be read
 * @throws ParquetFault, or any error for metadata that is not in the format
 */
export async function checkParquet(
  file: AsyncBuffer,
  { num_rows, row_groups }: FileMetaData,
  columns: readonly string[],
): Promise<void> {
  const rows = row_groups.reduce((total, group) => total + Number(group.num_rows), 0);
  if (Number(num_rows) !== rows || row_groups.some((group) => Number(group.num_rows) < 0)) {
    throw new ParquetFault(`it claims ${num_rows} rows, and its row groups ${rows}`);
  }
  if (rows > MOST_ROWS) throw new ParquetFault(`it claims ${rows} rows; at most ${MOST_ROWS} are read`);
  for (const [index, group] of row_groups.entries()) {
    for (const { meta_data: column, file_path } of group.columns) {
      if (column === undefined || file_path) throw new ParquetFault('a column is not in this file');
      if (columns.includes(column.path_in_schema[0]!)) {
        await checkColumn(file, column, `column ${column.path_in_schema.join('.')} of row group ${index}`);
      }
    }
  }
}

async function checkColumn(file: AsyncBuffer, column: ColumnMetaData, name: string): Promise<void> {
  const values = Number(column.num_values);
  const size = Number(column.total_compressed_size);
  const unpacked = Number(column.total_uncompressed_size);
  const start = Number(column.dictionary_page_offset ?? column.data_page_offset);
  if (values > MOST_VALUES) {
    throw new ParquetFault(
      `${name} has ${values} values; at most ${MOST_VALUES} are read at once, so write it with row groups of 1000 images, or with images as PNG`,
    );
  }
  if (!(start >= 4 && size >= 0 && start + size <= file.byteLength)) {
    throw new ParquetFault(`${name} claims bytes ${start} to ${start + size} of ${file.byteLength}`);
  }
  if (!(unpacked >= 0 && unpacked <= MOST_BYTES)) {
    throw new ParquetFault(`${name} claims ${unpacked} bytes; at most ${MOST_BYTES} are read`);
  }
  const pages = new DataView(await file.slice(start, start + size));
  checkPages({ view: pages, offset: 0 }, values, name);
}

/** Compares the headers of the pages with what the column claims. */
function checkPages(reader: { view: DataView; offset: number }, values: number, name: string): void {
  let [found, bytes] = [0, 0];
  while (reader.offset < reader.view.byteLength - 1 && found < values) {
    const page = parquetHeader(reader);
    const data = page.data_page_header ?? page.data_page_header_v2;
    const inPage = (data ?? page.dictionary_page_header)?.num_values ?? 0;
    bytes += page.uncompressed_page_size;
    if (!(inPage >= 0 && inPage <= MOST_VALUES && page.uncompressed_page_size >= 0 && bytes <= MOST_BYTES)) {
      throw new ParquetFault(
        `${name} has a page of ${inPage} values and ${page.uncompressed_page_size} bytes`,
      );
    }
    if (!(page.compressed_page_size >= 0)) throw new ParquetFault(`${name} has a page of a negative size`);
    reader.offset += page.compressed_page_size;
    if (data !== undefined) found += inPage;
  }
  if (found !== values) throw new ParquetFault(`${name} claims ${values} values, and its pages ${found}`);
}
