import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { asyncBufferFromFile, parquetMetadataAsync } from 'hyparquet';
import { parquetWriteFile } from 'hyparquet-writer';
import { makeTrack } from '../../../datasets/makeTrack.ts';
import { readCifar10 } from '../../../datasets/sources/cifar10.ts';
import { checkParquet } from '../../../datasets/sources/parquet/checkParquet.ts';
import { readTables } from '../../../datasets/sources/tableSource.ts';
import { UserError } from '../../../datasets/userError.ts';
import { cifarRecords } from '../madeUpSource.ts';
import { temporaryFolder } from '../temporaryFolder.ts';
import { writeParquet } from './cifarForms.ts';

const folder = temporaryFolder();
const at = (name: string) => join(folder.path, name);
const readOne = (kind: 'parquet' | 'csv', name: string, more = {}) =>
  readTables(kind, { from: at(name), testFrom: 'batches', ...more });

describe('Parquet files', () => {
  test('of any data set are read with the names of its classes, and the folder with its split', async () => {
    await mkdir(at('data'));
    const classes = Array.from({ length: 10 }, (_, label) => `kind ${label}`);
    await writeParquet(at('data/train-00000-of-00002.parquet'), cifarRecords(12), { images: 'png', classes });
    await writeParquet(at('data/train-00001-of-00002.parquet'), cifarRecords(9), {
      images: 'png',
      classes,
      rowGroupSize: 4,
    });
    await writeParquet(at('data/validation-0.parquet'), cifarRecords(10), { images: 'png', classes });
    const source = await readTables('parquet', { from: folder.path, testFrom: 'test' });
    expect(source).toMatchObject({ kind: 'parquet', classes });
    expect([...source.train.labels]).toEqual(
      [...Array(12).keys(), ...Array(9).keys()].map((row) => row % 10),
    );
    expect([...source.test!.labels]).toEqual([...Array(10).keys()]);
    const out = at('track');
    await makeTrack(source, { trainPerClass: 1, testPerClass: 1, seed: 1, out });
    expect(JSON.parse(await readFile(join(out, 'track.json'), 'utf8')).source.kind).toBe('parquet');
  });

  test('with text as labels and images by planes or interleaved, as the user says', async () => {
    const values = Array.from({ length: 3072 }, (_, index) => index % 256);
    parquetWriteFile({
      filename: at('a.parquet'),
      columnData: [
        { name: 'animal', data: ['dog', 'cat'], type: 'STRING' },
        { name: 'values', data: [Buffer.from(values), Buffer.from(values.toReversed())], type: 'BYTE_ARRAY' },
      ],
    });
    await expect(readOne('parquet', 'a.parquet')).rejects.toThrow(
      /a\.parquet: row 0: its values has 3072 values in one list: give --pixel-order planes/,
    );
    const interleaved = await readOne('parquet', 'a.parquet', { pixelOrder: 'interleaved' });
    expect([interleaved.classes, [...interleaved.train.labels]]).toEqual([
      ['cat', 'dog'],
      [1, 0],
    ]);
    expect([...interleaved.train.images.subarray(0, 3)]).toEqual([0, 1, 2]);
    const planes = await readOne('parquet', 'a.parquet', { pixelOrder: 'planes' });
    expect([...planes.train.images.subarray(3, 6)]).toEqual([1, 1025 % 256, 2049 % 256]);
    await expect(readOne('parquet', 'a.parquet', { labelColumn: 'class' })).rejects.toThrow(
      /--label-column class .*a\.parquet: has no such column .* its columns are animal, values/,
    );
  });

  test('of CIFAR-10 with classes of another data set are refused', async () => {
    const classes = Array.from({ length: 10 }, (_, label) => `kind ${label}`);
    await writeParquet(at('train.parquet'), cifarRecords(10), { images: 'bytes', classes });
    await expect(readCifar10({ from: at('train.parquet'), testFrom: 'batches' })).rejects.toThrow(
      /names the classes kind 0, kind 1.*expected airplane.*--source parquet/,
    );
  });

  describe('are rejected, with the file and the reason:', () => {
    test.each<[string, Buffer | string, RegExp]>([
      ['nothing', '', /is no Parquet file: this is an empty file/],
      [
        'a pointer',
        'version https://git-lfs.github.com/spec/v1\noid',
        /this is a Git LFS pointer; fetch the file/,
      ],
      ['a ZIP', 'PK\x03\x04', /this is a ZIP/],
      ['a start alone', 'PAR1', /truncated, damaged or not a Parquet file that is read/],
      [
        'a footer beyond the file',
        Buffer.from('PAR1\xff\xff\xff\x7fPAR1', 'latin1'),
        /metadata length 2147483647 exceeds/,
      ],
      [
        'a footer nested without end',
        Buffer.concat([
          Buffer.from('PAR1'),
          Buffer.alloc(100_000, 0x1c),
          Buffer.from([0xa0, 0x86, 1, 0]),
          Buffer.from('PAR1'),
        ]),
        /truncated, damaged/,
      ],
    ])('%s', async (_, content, reason) => {
      await writeFile(at('x.parquet'), content as Buffer, 'latin1');
      const reading = readOne('parquet', 'x.parquet');
      await expect(reading).rejects.toThrow(UserError);
      await expect(reading).rejects.toThrow(reason);
    });

    test('a file without a label column, with an image that is none, with a label that is missing', async () => {
      const write = (name: string, columnData: object[]) =>
        parquetWriteFile({ filename: at(name), columnData: columnData as never });
      const images = [Buffer.from('no image'), Buffer.from('none either')];
      write('a.parquet', [{ name: 'image', data: images, type: 'BYTE_ARRAY' }]);
      await expect(readOne('parquet', 'a.parquet', { labelColumn: 'label' })).rejects.toThrow(
        /has no such column of integers or text; its columns are image/,
      );
      write('b.parquet', [
        { name: 'image', data: images, type: 'BYTE_ARRAY' },
        { name: 'label', data: [0, 1], type: 'INT32' },
      ]);
      await expect(readOne('parquet', 'b.parquet')).rejects.toThrow(
        /b\.parquet: row 0: its image is not a readable image/,
      );
      const grey = [Buffer.alloc(1024, 1), Buffer.alloc(1024, 2)];
      write('c.parquet', [
        { name: 'image', data: grey, type: 'BYTE_ARRAY' },
        { name: 'label', data: [0, -1], type: 'INT32' },
      ]);
      await expect(readOne('parquet', 'c.parquet')).rejects.toThrow(
        /c\.parquet: row 1 has the label -1; expected an integer of at least 0/,
      );
      write('d.parquet', [
        { name: 'image', data: [Buffer.alloc(9), Buffer.alloc(9)], type: 'BYTE_ARRAY' },
        { name: 'label', data: [0, null], type: 'INT32' },
      ]);
      await expect(readOne('parquet', 'd.parquet')).rejects.toThrow(UserError);
    });

    test('absurd numbers of rows, values and bytes, before anything is allocated', async () => {
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

    // Not any damage: hyparquet counts up to whatever length a damaged header or list claims, which can take for ever.
    test('a file that is cut off anywhere gives a UserError', async () => {
      await writeParquet(at('good.parquet'), cifarRecords(4), { images: 'flat' });
      const good = await readFile(at('good.parquet'));
      await fc.assert(
        fc.asyncProperty(fc.nat({ max: good.length - 1 }), async (length) => {
          await writeFile(at('x.parquet'), good.subarray(0, length));
          await expect(readOne('parquet', 'x.parquet', { pixelOrder: 'planes' })).rejects.toThrow(UserError);
        }),
        { numRuns: 50 },
      );
    });
  });
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
    const [a, b] = [await readOne('csv', 'a.csv'), await readOne('csv', 'b.csv')];
    expect([a.kind, a.classes, [...a.train.labels]]).toEqual(['csv', ['2', '7'], [1, 0, 1]]);
    expect(b.train).toEqual(a.train);
    expect([...a.train.images.subarray(3072 + (2 * 32 + 2) * 3).subarray(0, 3)]).toEqual([2, 2, 2]);
    await writeFile(at('c.csv'), [row('dog', 3072, 9), row('cat', 3072, 8)].join('\n'));
    await expect(readOne('csv', 'c.csv')).rejects.toThrow(
      /c\.csv: row 1 has 3072 values in one list: give --pixel-order/,
    );
    const colour = await readOne('csv', 'c.csv', { pixelOrder: 'interleaved' });
    expect([colour.classes, [...colour.train.labels]]).toEqual([
      ['cat', 'dog'],
      [1, 0],
    ]);
  });

  test('are rejected, with the file, the row and the reason', async () => {
    const reject = async (text: string, reason: RegExp, more = {}) => {
      await writeFile(at('x.csv'), text);
      const reading = readOne('csv', 'x.csv', more);
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
