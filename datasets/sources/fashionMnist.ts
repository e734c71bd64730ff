import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { describeFault } from '../describeFault.ts';
import { IMAGE_BYTES, type LabelledImages, type Source, type TestFrom } from '../source.ts';
import { UserError } from '../userError.ts';

/** Folder of Debian's package dataset-fashion-mnist. */
export const debianFolder = '/usr/share/datasets/fashion-mnist';

const classes = [
  'T-shirt/top',
  'Trouser',
  'Pullover',
  'Dress',
  'Coat',
  'Sandal',
  'Shirt',
  'Sneaker',
  'Bag',
  'Ankle boot',
] as const;
const SIDE = 28;
/** The largest file has 60,000 images; anything that decompresses to much more is rejected. */
const MOST_BYTES = 16 + 60_000 * SIDE * SIDE;
const remedy =
  'Install the Debian package dataset-fashion-mnist, or give --from the folder with the four .gz files of https://github.com/zalandoresearch/fashion-mnist.';

/**
 * Reads Fashion-MNIST from the folder with its four IDX files, compressed or not. The 28 x 28 grey images are padded
 * to 32 x 32 with 2 black pixels per side and copied to three channels; nothing is interpolated.
 *
 * @throws UserError that names the file and what is wrong with it
 */
export async function readFashionMnist(options: { from: string; testFrom: TestFrom }): Promise<Source> {
  const { from, testFrom } = options;
  return {
    kind: 'fashion-mnist',
    description:
      testFrom === 'test' ? 'Fashion-MNIST, tested on its test images' : 'Fashion-MNIST, training images',
    classes,
    train: await readSet(from, 'train'),
    ...(testFrom === 'test' ? { test: await readSet(from, 't10k') } : {}),
  };
}

async function readSet(folder: string, prefix: 'train' | 't10k'): Promise<LabelledImages> {
  const imagesFile = join(folder, `${prefix}-images-idx3-ubyte`);
  const labelsFile = join(folder, `${prefix}-labels-idx1-ubyte`);
  const images = parseIdx(imagesFile, await readMaybeCompressed(imagesFile), 3);
  const labels = parseIdx(labelsFile, await readMaybeCompressed(labelsFile), 1);
  const [size, height, width] = images.shape as [number, number, number];
  if (height !== SIDE || width !== SIDE) {
    throw new UserError({
      path: imagesFile,
      reason: `has images of ${height} x ${width}; expected 28 x 28`,
      remedy,
    });
  }
  if (labels.shape[0] !== size) {
    throw new UserError({
      path: imagesFile,
      reason: `has ${size} images, ${labelsFile} ${labels.shape[0]} labels`,
      remedy,
    });
  }
  const bad = labels.data.findIndex((label) => label >= classes.length);
  if (bad !== -1) {
    throw new UserError({
      path: labelsFile,
      reason: `label ${labels.data[bad]} at row ${bad}; expected 0 to 9`,
      remedy,
    });
  }
  return { images: greyToRgb(images.data, size), labels: labels.data };
}

async function readMaybeCompressed(path: string): Promise<Uint8Array> {
  const plain = await readFile(path).catch(() => null);
  if (plain !== null) return plain;
  const compressed = await readFile(`${path}.gz`).catch((error) => {
    throw new UserError({ path: `${path}.gz`, reason: `cannot be read (${describeFault(error)})`, remedy });
  });
  try {
    return await promisify(gunzip)(compressed, { maxOutputLength: MOST_BYTES });
  } catch (error) {
    throw new UserError({
      path: `${path}.gz`,
      reason: `cannot be uncompressed (${(error as Error).message}): it is damaged or a different file`,
      remedy,
    });
  }
}

/**
 * Parses an IDX file of unsigned bytes: two zero bytes, type 8, the number of axes, their lengths as big-endian
 * 32-bit integers, the data. Format: http://yann.lecun.com/exdb/mnist/
 *
 * @param axes 1 (labels) or 3 (images)
 * @throws UserError; `name` replaces the path in its message
 */
export function parseIdx(
  name: string,
  bytes: Uint8Array,
  axes: 1 | 3,
): { data: Uint8Array; shape: number[] } {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const dataOffset = 4 + 4 * axes;
  if (view.length < dataOffset) {
    throw new UserError({ path: name, reason: `ends after ${view.length} bytes, inside its header`, remedy });
  }
  const magic = view.readUInt32BE(0);
  const expected = 0x0800 + axes;
  if (magic !== expected) {
    const hex = (value: number) => value.toString(16).padStart(8, '0');
    throw new UserError({
      path: name,
      reason: `starts with ${hex(magic)}; expected ${hex(expected)} (unsigned bytes, ${axes} axes)`,
      remedy,
    });
  }
  const shape = Array.from({ length: axes }, (_, axis) => view.readUInt32BE(4 + 4 * axis));
  const needed = shape.reduce((total, length) => total * length, 1);
  const present = view.length - dataOffset;
  if (present !== needed || needed === 0) {
    throw new UserError({
      path: name,
      reason: `has ${present} bytes of data, but its header says [${shape.join(', ')}]: it is ${present < needed ? 'truncated' : 'a different file'}`,
      remedy,
    });
  }
  return { data: bytes.subarray(dataOffset), shape };
}

/** Converts uint8 [size, 28, 28] to uint8 [size, 32, 32, 3]. */
function greyToRgb(grey: Uint8Array, size: number): Uint8Array {
  const border = (32 - SIDE) / 2;
  const rgb = new Uint8Array(size * IMAGE_BYTES);
  let pixel = 0;
  for (let image = 0; image < size; image++) {
    for (let row = 0; row < SIDE; row++) {
      const start = image * IMAGE_BYTES + ((row + border) * 32 + border) * 3;
      for (let channel = start; channel < start + SIDE * 3; channel += 3) {
        rgb.fill(grey[pixel++]!, channel, channel + 3);
      }
    }
  }
  return rgb;
}
