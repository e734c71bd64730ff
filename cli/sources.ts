import { existsSync } from 'node:fs';
import { cacheFolder } from '../datasets/cacheFolder.ts';
import { locateCifar10 } from '../datasets/locateCifar10.ts';
import type { Source, TestFrom } from '../datasets/source.ts';
import { readCifar10 } from '../datasets/sources/cifar10.ts';
import { debianFolder, readFashionMnist } from '../datasets/sources/fashionMnist.ts';
import type { PixelOrder } from '../datasets/sources/rawPixels.ts';
import { readSynthetic } from '../datasets/sources/synthetic.ts';
import type { PerClass } from '../datasets/stratifiedSample.ts';
import { UserError } from '../datasets/userError.ts';
import { fashionMnistInUsualPlaces, usualPlaces } from '../datasets/usualPlaces.ts';
import { withDownloadView } from './downloadView.ts';

/** What a source is read with. */
export interface SourceOptions {
  readonly from?: string | undefined;
  readonly imageColumn?: string | undefined;
  readonly pixelOrder?: PixelOrder | undefined;
  readonly testFrom?: TestFrom | undefined;
  readonly trainPerClass: number;
  readonly testPerClass: PerClass;
  readonly seed: number;
  /** Files of a sampling secret, which replaces the seed. */
  readonly secret?: string | undefined;
  readonly newSecret?: string | undefined;
  readonly labels?: string | undefined;
  readonly labelColumn?: string | undefined;
  readonly skipUnreadable?: boolean | undefined;
  /** Folder of the Track to be made; lists of skipped files are written beside it. */
  readonly out: string;
}

/** Options that only some sources take. */
export const ofSomeSources = {
  labels: '--labels',
  labelColumn: '--label-column',
  skipUnreadable: '--skip-unreadable',
  imageColumn: '--image-column',
  pixelOrder: '--pixel-order',
} as const satisfies Partial<Record<keyof SourceOptions, string>>;

export interface SourceFacts {
  /** What `--from` means, and its default. */
  readonly from: string;
  /** Whether the source has its own test set. */
  readonly hasTestSet: boolean;
  /** Which of the options in `ofSomeSources` it takes. */
  readonly takes?: readonly (keyof typeof ofSomeSources)[];
  readonly read: (options: SourceOptions) => Promise<Source>;
}

/** The sources of images, by name. Those that need the image library load it on use, because it loads slowly. */
export const sources = {
  cifar10: {
    from: 'cifar-10-binary.tar.gz, cifar-10-python.tar.gz, the folder of either, or Parquet files; default: HAET_CIFAR10, the cache, the usual folders of torchvision, Keras and the hub, a download',
    hasTestSet: true,
    read: async ({ from, testFrom = 'batches' }) => readCifar10({ from: await findCifar10(from), testFrom }),
  },
  'fashion-mnist': {
    from: `the folder with its four IDX files; default: ${debianFolder}, or the usual folders of torchvision and Keras`,
    hasTestSet: true,
    read: ({ from = findFashionMnist(), testFrom = 'batches' }) => readFashionMnist({ from, testFrom }),
  },
  folder: {
    from: 'a folder with one subfolder of images per class, alone or in train/ and test/ (or val/), or with --labels',
    hasTestSet: true,
    takes: ['labels', 'labelColumn', 'imageColumn', 'skipUnreadable'],
    read: async ({ from, out, labels, labelColumn, imageColumn, testFrom, skipUnreadable }) => {
      if (from === undefined) throw new UserError(`--source folder needs --from: ${sources.folder.from}.`);
      for (const [option, name] of [
        ['--label-column', labelColumn],
        ['--image-column', imageColumn],
      ]) {
        if (name !== undefined && labels === undefined) {
          throw new UserError(`${option} ${name}: there is no table. Add --labels.`);
        }
      }
      const { readImageFolder } = await import('../datasets/sources/imageFolder.ts');
      const beside = out.replace(/\/+$/, '');
      return readImageFolder({
        from,
        labels,
        labelColumn,
        imageColumn,
        testFrom,
        skipUnreadable,
        listTo: `${beside}-unreadable.txt`,
        unlabelledTo: `${beside}-without-row.txt`,
      });
    },
  },
  parquet: {
    from: 'a .parquet file with an image and a label in each row, or a folder with files named train and test',
    hasTestSet: true,
    takes: ['imageColumn', 'labelColumn', 'pixelOrder'],
    read: (options) => readTableSource('parquet', options),
  },
  csv: {
    from: 'a .csv file with a label and 784, 1024 or 3072 values from 0 to 255 in each row, or a folder with files named train and test',
    hasTestSet: true,
    takes: ['labelColumn', 'pixelOrder'],
    read: (options) => readTableSource('csv', options),
  },
  synthetic: {
    from: 'not used: the images are drawn from --seed',
    hasTestSet: false,
    read: async ({ from, trainPerClass, testPerClass, seed, secret, newSecret }) => {
      if (secret !== undefined || newSecret !== undefined) {
        throw new UserError(
          '--source synthetic cannot be hidden by a secret, because its images are computed from --seed. Use another source, or omit the secret.',
        );
      }
      if (from !== undefined) {
        throw new UserError(`--from ${from}: --source synthetic reads no file. Omit --from.`);
      }
      if (testPerClass === 'all') {
        throw new UserError(
          'All held-out images: --source synthetic has no given number of images. Give a number of held-out images per class.',
        );
      }
      return readSynthetic({ perClass: trainPerClass + testPerClass, seed });
    },
  },
} as const satisfies Record<string, SourceFacts>;
export type SourceName = keyof typeof sources;

async function readTableSource(kind: 'parquet' | 'csv', options: SourceOptions): Promise<Source> {
  const { from, testFrom = 'batches', imageColumn, labelColumn, pixelOrder } = options;
  if (from === undefined) throw new UserError(`--source ${kind} needs --from: ${sources[kind].from}.`);
  const { readTables } = await import('../datasets/sources/tableSource.ts');
  return readTables(kind, { from, testFrom, imageColumn, labelColumn, pixelOrder });
}

function findFashionMnist(): string {
  return existsSync(debianFolder) ? debianFolder : (fashionMnistInUsualPlaces() ?? debianFolder);
}

async function findCifar10(from: string | undefined): Promise<string> {
  const located = await withDownloadView('CIFAR-10', process.stderr, (onProgress) =>
    locateCifar10({ from, onProgress }),
  );
  if (located !== null) return located.path;
  throw new UserError(
    `CIFAR-10 was not found in ${[cacheFolder(), ...usualPlaces()].join(', ')}, and its site cannot be reached. ` +
      'Give --from cifar-10-binary.tar.gz or cifar-10-python.tar.gz (from https://www.cs.toronto.edu/~kriz/cifar.html), or use --source synthetic.',
  );
}
