import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { makeTrack } from '../../../datasets/makeTrack.ts';
import { readTrack } from '../../../datasets/readTrack.ts';
import { debianFolder, readFashionMnist } from '../../../datasets/sources/fashionMnist.ts';
import { parseIdx } from '../../../datasets/sources/idxFile.ts';
import { UserError } from '../../../datasets/userError.ts';
import { temporaryFolder } from '../temporaryFolder.ts';

const folder = temporaryFolder();

function idx(shape: number[], data: Uint8Array, magic = 0x0800 + shape.length): Buffer {
  const header = Buffer.alloc(4 + 4 * shape.length);
  header.writeUInt32BE(magic, 0);
  shape.forEach((length, axis) => {
    header.writeUInt32BE(length, 4 + 4 * axis);
  });
  return Buffer.concat([header, data]);
}
const images = (count: number) => Uint8Array.from({ length: count * 784 }, (_, index) => index % 251);
const imagesFile = () => join(folder.path, 'train-images-idx3-ubyte.gz');
const labelsFile = () => join(folder.path, 'train-labels-idx1-ubyte.gz');

async function write(count = 20): Promise<void> {
  await writeFile(imagesFile(), gzipSync(idx([count, 28, 28], images(count))));
  await writeFile(
    labelsFile(),
    gzipSync(
      idx(
        [count],
        Uint8Array.from({ length: count }, (_, i) => i % 10),
      ),
    ),
  );
}
const read = () => readFashionMnist({ from: folder.path, testFrom: 'batches' });

test('any array of bytes is read back', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 300 }), (data) => {
      const { shape, data: read } = parseIdx('x', idx([data.length], data), 'labels', '');
      expect(shape).toEqual([data.length]);
      expect([...read]).toEqual([...data]);
      const cube = parseIdx('x', idx([1, data.length, 1], data), 'images', '');
      expect(cube.shape).toEqual([1, data.length, 1]);
    }),
  );
});

test('any bytes give an array or a UserError', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array({ maxLength: 64 }),
        fc
          .array(fc.nat({ max: 2 ** 32 - 1 }), { minLength: 3, maxLength: 3 })
          .map((shape) => idx(shape, images(1))),
      ),
      (bytes) => {
        try {
          const { data, shape } = parseIdx('x', bytes, 'images', '');
          expect(data).toHaveLength(shape.reduce((a, b) => a * b));
        } catch (error) {
          expect(error).toBeInstanceOf(UserError);
        }
      },
    ),
  );
});

test('an image of 28 x 28 is in the middle of 32 x 32, with unchanged grey and a black border', async () => {
  await write();
  const { train } = await read();
  const pixel = (image: number, y: number, x: number) => [
    ...train.images.subarray(((image * 32 + y) * 32 + x) * 3, ((image * 32 + y) * 32 + x) * 3 + 3),
  ];
  expect(pixel(3, 2, 2)).toEqual(Array(3).fill((3 * 784) % 251));
  expect(pixel(3, 29, 29)).toEqual(Array(3).fill((3 * 784 + 783) % 251));
  for (const at of [0, 1, 30, 31]) {
    expect(pixel(3, at, 15)).toEqual([0, 0, 0]);
    expect(pixel(3, 15, at)).toEqual([0, 0, 0]);
  }
});

test('reads the same images however the files were unpacked and named', async () => {
  await write();
  const usual = await read();
  const contents = new Map<string, Buffer>();
  for (const kind of ['images-idx3', 'labels-idx1']) {
    const file = join(folder.path, `train-${kind}-ubyte.gz`);
    contents.set(kind, gunzipSync(await readFile(file)));
    await rm(file);
  }
  const names: Record<string, (kind: string) => string> = {
    'unpacked by a browser, still named .gz': (kind) => `train-${kind}-ubyte.gz`,
    'unpacked by gunzip': (kind) => `train-${kind}-ubyte`,
    'unpacked by 7-Zip': (kind) => `train-${kind.replace('-', '.')}-ubyte`,
    'downloaded twice': (kind) => `train-${kind}-ubyte (1).gz`,
    "in torchvision's folder": (kind) => `FashionMNIST/raw/train-${kind}-ubyte`,
  };
  await mkdir(join(folder.path, 'FashionMNIST/raw'), { recursive: true });
  for (const [how, name] of Object.entries(names).reverse()) {
    for (const [kind, content] of contents) await writeFile(join(folder.path, name(kind)), content);
    const { train, trackWarnings } = await read();
    expect([how, train]).toEqual([how, usual.train]);
    expect(trackWarnings).toEqual(usual.trackWarnings);
    await rm(join(folder.path, 'FashionMNIST'), { recursive: true, force: true });
    for (const kind of contents.keys()) await rm(join(folder.path, name(kind)), { force: true });
  }
});

test('a Track of other pictures under the same names carries a warning with the hash', async () => {
  await write();
  const source = await read();
  expect(source.trackWarnings).toHaveLength(2);
  expect(source.trackWarnings![0]).toMatch(
    /^The training images are not the published ones of Fashion-MNIST \(sha256 [0-9a-f]{64}\): MNIST/,
  );
  const out = join(folder.path, 'track');
  const { info } = await makeTrack(source, { trainPerClass: 1, testPerClass: 1, seed: 1, out });
  expect(info.source.warnings).toEqual(source.trackWarnings);
  expect((await readTrack(out)).source.warnings).toEqual(source.trackWarnings);
});

describe('rejects, with the file and the reason:', () => {
  test('a missing file', async () => {
    await write();
    await rm(labelsFile());
    await expect(read()).rejects.toThrow(
      /train-labels-idx1-ubyte\.gz: cannot be read \(ENOENT\).*dataset-fashion-mnist/,
    );
  });

  test('corrupt and truncated compression', async () => {
    await write();
    const bytes = await readFile(imagesFile());
    await writeFile(imagesFile(), bytes.subarray(0, bytes.length - 20));
    await expect(read()).rejects.toThrow(/cannot be uncompressed \(unexpected end of file\)/);
    await writeFile(imagesFile(), bytes.fill(0x55, 20, 60));
    await expect(read()).rejects.toThrow(/train-images-idx3-ubyte\.gz: cannot be uncompressed/);
  });

  test('a small file that unpacks to far too many bytes', async () => {
    await write();
    await writeFile(imagesFile(), gzipSync(Buffer.alloc(60_000_000)));
    await expect(read()).rejects.toThrow(/cannot be uncompressed/);
  });

  test.each<[string, Buffer, RegExp]>([
    [
      'a ZIP',
      Buffer.from('PK\x03\x04 and much more'),
      /starts with 504b0304 \(this is a ZIP .*\); expected 00000803/,
    ],
    [
      'labels',
      idx([20], images(1).subarray(0, 20)),
      /this is an IDX file of labels\); expected 00000803, images/,
    ],
    ['wrong magic', idx([20, 28, 28], images(20), 0x0d03), /starts with 00000d03; expected 00000803/],
    ['images of another size', idx([20, 14, 14], images(5)), /images of 14 x 14; expected 28 x 28/],
    ['truncated data', idx([20, 28, 28], images(19)), /truncated/],
    ['data beyond the end', idx([20, 28, 28], images(21)), /a different file/],
    ['another number of labels', idx([19, 28, 28], images(19)), /has 19 images, .* 20 labels/],
    ['a header cut short', Buffer.from([0, 0, 8, 3, 0]), /inside its header/],
    ['nothing at all', idx([0, 28, 28], images(0)), /a different file/],
  ])('%s', async (_, bytes, reason) => {
    await write();
    await writeFile(imagesFile(), gzipSync(bytes));
    await expect(read()).rejects.toThrow(reason);
  });

  test('a label above 9', async () => {
    await write();
    await writeFile(labelsFile(), gzipSync(idx([20], new Uint8Array(20).fill(10, 7))));
    await expect(read()).rejects.toThrow(/label 10 at row 7; expected 0 to 9/);
  });
});

(existsSync(debianFolder) ? test : test.skip)(
  "reads the files of Debian's package (skipped where it is not installed)",
  async () => {
    const source = await readFashionMnist({ from: debianFolder, testFrom: 'test' });
    expect([source.train.labels.length, source.test?.labels.length]).toEqual([60_000, 10_000]);
    expect(source.trackWarnings).toEqual([]);
  },
);
