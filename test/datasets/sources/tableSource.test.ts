import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { asyncBufferFromFile, parquetMetadataAsync } from 'hyparquet';
import { checkParquet } from '../../../datasets/sources/parquet/checkParquet.ts';
import { readTables } from '../../../datasets/sources/tableSource.ts';
import { UserError } from '../../../datasets/userError.ts';
import { cifarRecords } from '../madeUpSource.ts';
import { temporaryFolder } from '../temporaryFolder.ts';
import { writeParquet } from './cifarForms.ts';

const folder = temporaryFolder();
const at = (name: string) => join(folder.path, name);
const readOne = (name: string, more = {}) =>
  readTables('csv', { from: at(name), testFrom: 'batches', ...more });

test('absurd numbers of rows, values and bytes in a Parquet file are rejected before anything is allocated', async () => {
  await writeParquet(at('x.parquet'), cifarRecords(4), { images: 'bytes' });
  const file = await asyncBufferFromFile(at('x.parquet'));
  const claim = async (change: (metadata: Awaited<ReturnType<typeof parquetMetadataAsync>>) => void) => {
    const metadata = await parquetMetadataAsync(file);
    change(metadata);
    return checkParquet(file, metadata, ['img', 'label']);
  };
  const first = (metadata: Awaited<ReturnType<typeof parquetMetadataAsync>>) =>
    metadata.row_groups[0]!.columns[0]!.meta_data!;
  await claim(() => {});
  const huge = 2n ** 62n;
  await expect(
    claim((metadata) => {
      metadata.num_rows = huge;
    }),
  ).rejects.toThrow(/claims 4611686018427387904 rows, and its row groups 4/);
  await expect(
    claim((metadata) => {
      metadata.num_rows = metadata.row_groups[0]!.num_rows = 2_000_000n;
    }),
  ).rejects.toThrow(/claims 2000000 rows; at most 1000000/);
  await expect(
    claim((metadata) => {
      first(metadata).num_values = huge;
    }),
  ).rejects.toThrow(/img of row group 0 has 4611686018427388000 values; .*row groups of 1000 images/);
  await expect(
    claim((metadata) => {
      first(metadata).num_values = 5n;
    }),
  ).rejects.toThrow(/claims 5 values, and its pages 4/);
  await expect(
    claim((metadata) => {
      first(metadata).total_compressed_size = huge;
    }),
  ).rejects.toThrow(/claims bytes 4 to .* of \d+/);
  await expect(
    claim((metadata) => {
      first(metadata).total_uncompressed_size = huge;
    }),
  ).rejects.toThrow(/claims 4611686018427388000 bytes/);
  await expect(
    claim((metadata) => {
      metadata.row_groups[0]!.columns[0]!.file_path = '/etc/passwd';
    }),
  ).rejects.toThrow(/not in this file/);
});

describe('CSV files', () => {
  const row = (label: string | number, count: number, value: number) =>
    [label, ...Array(count).fill(value)].join(',');
  const header = (count: number) =>
    ['label', ...Array.from({ length: count }, (_, index) => `pixel${index + 1}`)].join(',');

  test('with a header or without are read, grey and in colour, in order', async () => {
    const rows = [row(7, 784, 1), row(2, 784, 2), row(7, 784, 3)];
    await writeFile(at('a.csv'), [header(784), ...rows].join('\r\n'));
    await writeFile(at('b.csv'), `\ufeff${rows.join('\n')}\n`);
    const [a, b] = [await readOne('a.csv'), await readOne('b.csv')];
    expect([a.kind, a.classes, [...a.train.labels]]).toEqual(['csv', ['2', '7'], [1, 0, 1]]);
    expect(b.train).toEqual(a.train);
    expect([...a.train.images.subarray(3072 + (2 * 32 + 2) * 3).subarray(0, 3)]).toEqual([2, 2, 2]);
    await writeFile(at('c.csv'), [row('dog', 3072, 9), row('cat', 3072, 8)].join('\n'));
    await expect(readOne('c.csv')).rejects.toThrow(
      /c\.csv: row 1 has 3072 values in one list: give --pixel-order/,
    );
    const colour = await readOne('c.csv', { pixelOrder: 'interleaved' });
    expect([colour.classes, [...colour.train.labels]]).toEqual([
      ['cat', 'dog'],
      [1, 0],
    ]);
  });

  test.each([
    ['semicolons', ';'],
    ['tabs', '\t'],
    ['spaces', ' '],
  ])('may have %s', async (_, sign) => {
    const rows = [row('a', 784, 1), row('b', 784, 2)];
    const text = [header(784), ...rows].join('\n').replaceAll(',', sign);
    await writeFile(at('a.csv'), text);
    await writeFile(at('b.csv'), `\ufeff${text.replaceAll('\n', '\r\n')}\r\n`);
    for (const name of ['a.csv', 'b.csv']) {
      const { classes, train } = await readOne(name);
      expect([classes, [...train.labels], train.images[16 * 33 * 3]]).toEqual([['a', 'b'], [0, 1], 1]);
    }
  });

  test('are rejected, with the file, the row and the reason', async () => {
    const reject = async (text: string, reason: RegExp, more = {}) => {
      await writeFile(at('x.csv'), text);
      const reading = readOne('x.csv', more);
      await expect(reading).rejects.toThrow(UserError);
      await expect(reading).rejects.toThrow(reason);
    };
    await reject('', /x\.csv: has no row with an image/);
    await reject('file,label\na.png,cat\n', /x\.csv: row 2 has the value NaN.*--source folder/);
    await reject(`${row(1, 784, 1)}\n${row(1, 783, 1)}`, /cannot be read after row 1 .*expect 785, got 784/i);
    await reject(`${row(1, 784, 1)}\n${row(1, 784, 256)}`, /row 2 has the value 256 at position 0/);
    await reject(row(1, 784, 0.5), /row 1 has the value 0\.5/);
    await reject(row(1, 100, 1), /row 1 has 100 values/);
    await reject(row('', 784, 1), /row 1 has no label/);
    await reject(`${row(1, 784, 1)}\n${row(1, 784, 2)}`, /has 1 classes \(1\)/);
    await reject(row(1, 200_000, 1), /Max Record Size|maximum/i);
    await reject(
      `${header(784)}\n${row(1, 784, 1)}`,
      /--label-column kind .*has no such column; its columns are label, pixel1/,
      { labelColumn: 'kind' },
    );
  });
});
