import { mkdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { create } from 'tar';
import { parseCifarRecords, readCifar10 } from '../../../datasets/sources/cifar10.ts';
import { UserError } from '../../../datasets/userError.ts';
import { cifarRecords } from '../madeUpSource.ts';
import { temporaryFolder } from '../temporaryFolder.ts';

const folder = temporaryFolder();
const names = [1, 2, 3, 4, 5].map((number) => `data_batch_${number}.bin`);
const inner = 'cifar-10-batches-bin';

/** Makes the layout of the official archive, with 20 records per file. */
async function unpacked(): Promise<string> {
  await mkdir(join(folder.path, inner));
  for (const name of [...names, 'test_batch.bin']) {
    await writeFile(join(folder.path, inner, name), cifarRecords(20));
  }
  await writeFile(join(folder.path, inner, 'readme.html'), 'hello');
  return join(folder.path, inner);
}
async function packed(gzip = true): Promise<string> {
  const file = join(folder.path, 'cifar.tar.gz');
  await create({ file, gzip, cwd: folder.path }, [inner]);
  return file;
}
const read = (from: string) => readCifar10({ from, testFrom: 'batches' });

test('any records are read back pixel for pixel, with planes turned into RGB', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat({ max: 9 }), fc.nat({ max: 255 }), fc.nat({ max: 1023 })), {
        minLength: 1,
        maxLength: 5,
      }),
      (records) => {
        const bytes = Buffer.alloc(records.length * 3073);
        records.forEach(([label, value, pixel], record) => {
          const start = record * 3073;
          bytes[start] = label;
          bytes[start + 1 + pixel] = value;
          bytes[start + 1 + 1024 + pixel] = 255 - value;
          bytes[start + 1 + 2048 + pixel] = 7;
        });
        const { images, labels } = parseCifarRecords('x', bytes);
        expect([...labels]).toEqual(records.map(([label]) => label));
        records.forEach(([, value, pixel], record) => {
          const at = record * 3072 + pixel * 3;
          expect([...images.subarray(at, at + 3)]).toEqual([value, 255 - value, 7]);
        });
      },
    ),
  );
});

test('any bytes give records or a UserError', () => {
  fc.assert(
    fc.property(fc.nat({ max: 4 }), fc.nat({ max: 3072 }), fc.nat({ max: 255 }), (records, extra, label) => {
      const bytes = Buffer.alloc(records * 3073 + extra);
      if (bytes.length > 0) bytes[0] = label;
      const good = records > 0 && extra === 0 && label < 10;
      if (good) expect(parseCifarRecords('x', bytes).labels).toHaveLength(records);
      else expect(() => parseCifarRecords('x', bytes)).toThrow(UserError);
    }),
  );
});

test('reads an archive, an uncompressed archive, a folder and its parent alike', async () => {
  const dir = await unpacked();
  const fromFolder = await read(dir);
  expect(fromFolder.train.labels).toHaveLength(100);
  expect(fromFolder.test).toBeUndefined();
  expect(await read(folder.path)).toEqual(fromFolder);
  expect(await read(await packed())).toEqual(fromFolder);
  expect(await read(await packed(false))).toEqual(fromFolder);
});

test('reads the test set of the source if requested', async () => {
  const dir = await unpacked();
  await writeFile(join(dir, 'test_batch.bin'), cifarRecords(30));
  const source = await readCifar10({ from: dir, testFrom: 'test' });
  expect(source.test?.labels).toHaveLength(30);
});

describe('rejects, with the file and the reason:', () => {
  test('nothing there', async () => {
    await expect(read(join(folder.path, 'none'))).rejects.toThrow(
      /none: cannot be read \(ENOENT: does not exist\)/,
    );
  });

  test('a truncated archive', async () => {
    await unpacked();
    const file = await packed();
    await truncate(file, 100_000);
    await expect(read(file)).rejects.toThrow(/cifar\.tar\.gz: is not a complete tar archive/);
  });

  test('a truncated uncompressed archive', async () => {
    await unpacked();
    const file = await packed(false);
    await truncate(file, 100_000);
    await expect(read(file)).rejects.toThrow(/cifar\.tar\.gz: is not a complete tar archive/);
  });

  test('an archive with a damaged byte', async () => {
    await unpacked();
    const file = await packed();
    const bytes = await readFile(file);
    bytes.fill(0x55, 50_000, 50_100);
    await writeFile(file, bytes);
    await expect(read(file)).rejects.toThrow(UserError);
  });

  test('a file that is not an archive', async () => {
    const file = join(folder.path, 'notes.txt');
    await writeFile(file, 'not an archive, '.repeat(200));
    await expect(read(file)).rejects.toThrow(/not a complete tar archive|has no data_batch_1\.bin/);
  });

  test('an empty file', async () => {
    const file = join(folder.path, 'empty');
    await writeFile(file, '');
    await expect(read(file)).rejects.toThrow(UserError);
  });

  test('a missing batch', async () => {
    const dir = await unpacked();
    await rm(join(dir, 'data_batch_3.bin'));
    await expect(read(dir)).rejects.toThrow(/has no data_batch_3\.bin/);
    await expect(read(await packed())).rejects.toThrow(/has no data_batch_3\.bin/);
  });

  test.each([
    ['truncated', 20 * 3073 - 1, /61459 bytes; expected a multiple of 3073/],
    ['empty', 0, /has 0 bytes/],
    ['too large', 10_001 * 3073, /30733073 bytes; expected.*at most 30730000/],
  ])('a batch that is %s', async (_, size, reason) => {
    const dir = await unpacked();
    await truncate(join(dir, 'data_batch_2.bin'), size);
    await expect(read(dir)).rejects.toThrow(reason);
    await expect(read(await packed())).rejects.toThrow(reason);
  });

  test('a label above 9', async () => {
    const dir = await unpacked();
    const records = cifarRecords(20);
    records[3073 * 4] = 10;
    await writeFile(join(dir, 'data_batch_5.bin'), records);
    await expect(read(dir)).rejects.toThrow(/data_batch_5\.bin: record 4 has label 10; expected 0 to 9/);
  });

  test('the same batch twice in an archive', async () => {
    await unpacked();
    await mkdir(join(folder.path, 'z'));
    await writeFile(join(folder.path, 'z', 'data_batch_1.bin'), cifarRecords(20));
    const file = join(folder.path, 'twice.tar');
    await create({ file, cwd: folder.path }, [inner, 'z']);
    await expect(read(file)).rejects.toThrow(/contains data_batch_1\.bin twice/);
  });
});
