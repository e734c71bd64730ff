import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parquetWriteFile } from 'hyparquet-writer';
import { makeTrack } from '../../../datasets/makeTrack.ts';
import { readCifar10 } from '../../../datasets/sources/cifar10.ts';
import { readParquet } from '../../../datasets/sources/parquet/readParquet.ts';
import type { ParquetLimits } from '../../../datasets/sources/parquet/receiveParquet.ts';
import { readTables } from '../../../datasets/sources/tableSource.ts';
import { UserError } from '../../../datasets/userError.ts';
import { cifarRecords } from '../madeUpSource.ts';
import { temporaryFolder } from '../temporaryFolder.ts';
import { writeParquet } from './cifarForms.ts';

const GIB = 2 ** 30;
const folder = temporaryFolder();
const at = (name: string) => join(folder.path, name);
const readOne = (name: string, more = {}) =>
  readTables('parquet', { from: at(name), testFrom: 'batches', ...more });

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
    await expect(readOne('a.parquet')).rejects.toThrow(
      /a\.parquet: row 0: its values has 3072 values in one list: give --pixel-order planes/,
    );
    const interleaved = await readOne('a.parquet', { pixelOrder: 'interleaved' });
    expect([interleaved.classes, [...interleaved.train.labels]]).toEqual([
      ['cat', 'dog'],
      [1, 0],
    ]);
    expect([...interleaved.train.images.subarray(0, 3)]).toEqual([0, 1, 2]);
    const planes = await readOne('a.parquet', { pixelOrder: 'planes' });
    expect([...planes.train.images.subarray(3, 6)]).toEqual([1, 1025 % 256, 2049 % 256]);
    await expect(readOne('a.parquet', { labelColumn: 'class' })).rejects.toThrow(
      /--label-column class .*a\.parquet: has no such column .* its columns are animal, values/,
    );
  });

  test('with labels of any number type, and images of one length', async () => {
    const image = (value: number) => Buffer.alloc(1024, value);
    for (const [type, labels] of [
      ['BOOLEAN', [true, false]],
      ['DOUBLE', [1, 0]],
    ] as const) {
      parquetWriteFile({
        filename: at('a.parquet'),
        columnData: [
          { name: 'image', data: [image(1), image(2)] },
          { name: 'label', data: [...labels] },
        ],
        schema: [
          { name: 'schema', num_children: 2 },
          { name: 'image', type: 'FIXED_LEN_BYTE_ARRAY', type_length: 1024, repetition_type: 'REQUIRED' },
          { name: 'label', type, repetition_type: 'REQUIRED' },
        ],
      });
      const { classes, train } = await readOne('a.parquet');
      expect([classes, [...train.labels], train.images[3072]]).toEqual([['0', '1'], [1, 0], 2]);
    }
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
      const reading = readOne('x.parquet');
      await expect(reading).rejects.toThrow(UserError);
      await expect(reading).rejects.toThrow(reason);
    });

    test('a file without a label column, with an image that is none, with a label that is missing', async () => {
      const write = (name: string, columnData: object[]) =>
        parquetWriteFile({ filename: at(name), columnData: columnData as never });
      const images = [Buffer.from('no image'), Buffer.from('none either')];
      write('a.parquet', [{ name: 'image', data: images, type: 'BYTE_ARRAY' }]);
      await expect(readOne('a.parquet', { labelColumn: 'label' })).rejects.toThrow(
        /has no such column of integers or text; its columns are image/,
      );
      write('b.parquet', [
        { name: 'image', data: images, type: 'BYTE_ARRAY' },
        { name: 'label', data: [0, 1], type: 'INT32' },
      ]);
      await expect(readOne('b.parquet')).rejects.toThrow(
        /b\.parquet: row 0: its image is not a readable image/,
      );
      const grey = [Buffer.alloc(1024, 1), Buffer.alloc(1024, 2)];
      write('c.parquet', [
        { name: 'image', data: grey, type: 'BYTE_ARRAY' },
        { name: 'label', data: [0, -1], type: 'INT32' },
      ]);
      await expect(readOne('c.parquet')).rejects.toThrow(
        /c\.parquet: row 1 has the label -1; expected an integer of at least 0/,
      );
      write('d.parquet', [
        { name: 'image', data: [Buffer.alloc(9), Buffer.alloc(9)], type: 'BYTE_ARRAY' },
        { name: 'label', data: [0, null], type: 'INT32' },
      ]);
      await expect(readOne('d.parquet')).rejects.toThrow(UserError);
    });

    test('a file that is damaged or cut off anywhere gives images or a UserError', async () => {
      await writeParquet(at('good.parquet'), cifarRecords(2), { images: 'flat' });
      const good = await readFile(at('good.parquet'));
      const footer = good.length - 8 - good.readUInt32LE(good.length - 8);
      // The lengths are in the footer and in the first bytes of each page.
      const place = fc.oneof(
        fc.nat({ max: good.length - 1 }),
        fc.integer({ min: footer, max: good.length - 1 }),
        fc.nat({ max: 120 }),
      );
      const change = fc.record({ place, byte: fc.oneof(fc.constant(255), fc.nat({ max: 255 })) });
      const limits = { memory: GIB, silence: 5000 };
      await fc.assert(
        fc.asyncProperty(fc.array(change, { maxLength: 3 }), fc.option(place), async (changes, length) => {
          const bytes = Buffer.from(good);
          for (const { place: index, byte } of changes) bytes[index] = byte;
          await writeFile(at('x.parquet'), bytes.subarray(0, length ?? bytes.length));
          const result = await readParquet([at('x.parquet')], { pixelOrder: 'planes' }, limits).catch(
            (error) => error,
          );
          if (result instanceof Error)
            expect(result).toMatchObject({ name: 'UserError', path: at('x.parquet') });
          else expect(result.images).toHaveLength(result.labels.length * 3072);
        }),
        { numRuns: 20 },
      );
    });
  });

  describe('that keep the reader busy or use up the memory are rejected, with the file and the reason:', () => {
    const written = async (): Promise<Buffer> => {
      parquetWriteFile({
        filename: at('good.parquet'),
        codec: 'UNCOMPRESSED',
        columnData: [
          { name: 'image', data: [Buffer.alloc(1024, 1), Buffer.alloc(1024, 2)], type: 'BYTE_ARRAY' },
          { name: 'label', data: [3, null], type: 'INT32', nullable: true },
        ],
      });
      return readFile(at('good.parquet'));
    };
    const reading = (limits: ParquetLimits) => readParquet([at('x.parquet')], {}, limits);

    /** Writes a file that takes hours to read: its metadata begin with an integer of two million bytes. */
    const writeEndless = () => {
      const footer = Buffer.alloc(2_000_000, 0xff);
      // Field 1 as a 64-bit integer.
      footer[0] = 0x16;
      const end = Buffer.from('\0\0\0\0PAR1');
      end.writeUInt32LE(footer.length);
      return writeFile(at('x.parquet'), Buffer.concat([Buffer.from('PAR1'), footer, end]));
    };

    test('an integer of two million bytes', async () => {
      await writeEndless();
      await expect(reading({ memory: 4 * GIB, silence: 1000 })).rejects.toMatchObject({
        name: 'UserError',
        path: at('x.parquet'),
        reason: 'is damaged or made to be unreadable: reading it made no progress for 1 s',
        remedy: expect.stringMatching(/^Get the file again/),
      });
    });

    test('and the reader ends if the process that started it is killed', async () => {
      await writeEndless();
      const program = fileURLToPath(
        new URL('../../../dist/datasets/sources/parquet/readParquet.js', import.meta.url),
      );
      const script = `import(${JSON.stringify(program)}).then((module) => module.readParquet([${JSON.stringify(at('x.parquet'))}], {}))`;
      const parent = spawn(process.execPath, ['-e', script], { stdio: 'ignore' });
      const childOf = async () =>
        (await readFile(`/proc/${parent.pid}/task/${parent.pid}/children`, 'utf8').catch(() => '')).trim();
      const isBusy = async (pid: string) =>
        Number((await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')).split(' ')[13] ?? 0) > 50;
      try {
        let child = '';
        // Until it has used half a second, so that it has read the beginning.
        while (child === '' || !(await isBusy(child))) {
          await sleep(50);
          child = await childOf();
        }
        parent.kill('SIGKILL');
        await once(parent, 'exit');
        while (existsSync(`/proc/${child}`)) await sleep(50);
      } finally {
        parent.kill('SIGKILL');
      }
    });

    test('a run of a thousand million values', async () => {
      const good = await written();
      // The definition levels of the labels, 1 and 0, and the value 3.
      const found = good.indexOf(Buffer.from([3, 1, 3, 0, 0, 0]));
      expect(found).toBeGreaterThan(0);
      Buffer.from([0xfe, 0xff, 0xff, 0xff, 0x07]).copy(good, found);
      await writeFile(at('x.parquet'), good);
      await expect(reading({ memory: GIB / 2, silence: 60_000 })).rejects.toMatchObject({
        name: 'UserError',
        path: at('x.parquet'),
        reason: expect.stringMatching(
          /is damaged or too large: reading it takes more than 0\.[35] GiB of memory/,
        ),
      });
    });
  });
});
