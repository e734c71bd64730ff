import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { sha256 } from '../sha256.ts';
import { IMAGE_BYTES, type LabelledImages, type Source, type TestFrom } from '../source.ts';
import { UserError } from '../userError.ts';
import { findIdx, type IdxFile, parseIdx, readMaybeCompressed } from './idxFile.ts';

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

/**
 * sha256 of the content of the four published files, uncompressed. Other data sets in this form, MNIST first, have the
 * same file names.
 */
const published: Record<IdxFile['prefix'], Record<IdxFile['content'], string>> = {
  train: {
    images: 'c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888',
    labels: 'bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9',
  },
  t10k: {
    images: '5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b',
    labels: '0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34',
  },
};
/** Where torchvision puts the files below the folder that it is given. */
const innerFolders = ['FashionMNIST/raw', 'raw', 'fashion-mnist'];

const SIDE = 28;
/** The largest file has 60,000 images; anything that decompresses to much more is rejected. */
const MOST_BYTES = 16 + 60_000 * SIDE * SIDE;
const remedy =
  'Install the Debian package dataset-fashion-mnist, or give --from the folder with the four .gz files of https://github.com/zalandoresearch/fashion-mnist.';

/**
 * Reads Fashion-MNIST from the folder with its four IDX files, compressed or not, or from the folder that was given to
 * torchvision. The 28 x 28 grey images are padded to 32 x 32 with 2 black pixels per side and copied to three channels;
 * nothing is interpolated. Files that are not the published ones are read with a warning that the Track carries.
 *
 * @throws UserError that names the file and what is wrong with it
 */
export async function readFashionMnist(options: { from: string; testFrom: TestFrom }): Promise<Source> {
  const { testFrom } = options;
  const inner = innerFolders.map((name) => join(options.from, name)).find((folder) => existsSync(folder));
  const from = inner ?? options.from;
  const train = await readSet(from, 'train');
  const test = testFrom === 'test' ? await readSet(from, 't10k') : null;
  const unknown = [...train.unknown, ...(test?.unknown ?? [])];
  return {
    kind: 'fashion-mnist',
    description:
      testFrom === 'test' ? 'Fashion-MNIST, tested on its test images' : 'Fashion-MNIST, training images',
    classes,
    train: train.set,
    ...(test === null ? {} : { test: test.set }),
    trackWarnings: unknown.map(
      ({ name, hash }) =>
        `The ${name} are not the published ones of Fashion-MNIST (sha256 ${hash}): MNIST and other data sets have the same file names.`,
    ),
  };
}

async function readSet(folder: string, prefix: IdxFile['prefix']) {
  const read = async (content: IdxFile['content']) => {
    const file = await findIdx(folder, { prefix, content });
    const bytes = await readMaybeCompressed(file, MOST_BYTES, remedy);
    return {
      file,
      content,
      ...parseIdx(file, bytes, content, remedy),
      hash: sha256(bytes),
      published: published[prefix][content],
    };
  };
  const images = await read('images');
  const labels = await read('labels');
  const [imagesFile, labelsFile] = [images.file, labels.file];
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
  const set: LabelledImages = { images: greyToRgb(images.data, size), labels: labels.data };
  const unknown = [images, labels]
    .filter(({ hash, published }) => hash !== published)
    .map(({ content, hash }) => ({
      // Without the file's name, so that every form of the same images gives the same Track.
      name: `${prefix === 'train' ? 'training' : 'test'} ${content}`,
      hash,
    }));
  return { set, unknown };
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
