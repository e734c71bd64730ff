import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { cacheFolder } from '../../../datasets/cacheFolder.ts';
import { locateCifar10 } from '../../../datasets/locateCifar10.ts';
import { makeTrack } from '../../../datasets/makeTrack.ts';
import type { NearCopies } from '../../../datasets/nearCopies.ts';
import { requireFree } from '../../../datasets/newFolder.ts';
import { MAX_SEED, type Seed } from '../../../datasets/random.ts';
import { makeSamplingSecret, readSamplingSecret } from '../../../datasets/sealing/samplingSecret.ts';
import { type Source, type TestFrom, testFromChoices } from '../../../datasets/source.ts';
import { readCifar10 } from '../../../datasets/sources/cifar10.ts';
import { debianFolder, readFashionMnist } from '../../../datasets/sources/fashionMnist.ts';
import { formatNames } from '../../../datasets/sources/folder/imageFormats.ts';
import { type PixelOrder, pixelOrders } from '../../../datasets/sources/rawPixels.ts';
import { UserError } from '../../../datasets/userError.ts';
import { fashionMnistInUsualPlaces, usualPlaces } from '../../../datasets/usualPlaces.ts';
import { withDownloadView } from '../../downloadView.ts';
import { integer } from '../../options/numberOption.ts';
import { say, sayJson, warn } from '../../terminal.ts';

interface MakeOptions {
  readonly source: SourceName;
  readonly from?: string;
  readonly imageColumn?: string;
  readonly pixelOrder?: PixelOrder;
  readonly testFrom?: TestFrom;
  readonly trainPerClass: number;
  readonly testPerClass: number;
  readonly seed: number;
  readonly secret?: string;
  readonly newSecret?: string;
  readonly labels?: string;
  readonly labelColumn?: string;
  readonly skipUnreadable?: boolean;
  readonly allowCopies?: boolean;
  readonly out: string;
  readonly json?: boolean;
}

/** Options that only some sources take. */
const ofSomeSources = {
  labels: '--labels',
  labelColumn: '--label-column',
  skipUnreadable: '--skip-unreadable',
  imageColumn: '--image-column',
  pixelOrder: '--pixel-order',
} as const satisfies Partial<Record<keyof MakeOptions, string>>;

interface SourceFacts {
  /** What `--from` means, and its default. */
  readonly from: string;
  /** Whether the source has its own test set. */
  readonly hasTestSet: boolean;
  /** Which of the options in `ofSomeSources` it takes. */
  readonly takes?: readonly (keyof typeof ofSomeSources)[];
  readonly read: (options: MakeOptions) => Promise<Source>;
}

// Sources that need the image library are loaded on use, because it loads slowly.
const sources = {
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
      const { readImageFolder } = await import('../../../datasets/sources/imageFolder.ts');
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
      const { readSynthetic } = await import('../../../datasets/sources/synthetic.ts');
      return readSynthetic({ perClass: trainPerClass + testPerClass, seed });
    },
  },
} as const satisfies Record<string, SourceFacts>;
type SourceName = keyof typeof sources;

const perClass = integer(1, 1_000_000);

/** `haet data make`: draws a Track from a source. */
export function makeCommand(command: Command): void {
  const places = Object.entries(sources).map(([name, { from }]) => `  ${name.padEnd(14)} ${from}`);
  command
    .description('Draw a Track: the same number of images per class, and no image in both halves.')
    .addOption(
      new Option('--source <name>', 'where the images come from')
        .choices(Object.keys(sources))
        .makeOptionMandatory(),
    )
    .option('--from <path>', 'file or folder of the source (see below)')
    .addOption(
      new Option(
        '--test-from <where>',
        "where held-out images are drawn from: the training images, without those trained on (batches), or the source's test set (test); default: batches, but test if a folder has a given split",
      ).choices(testFromChoices),
    )
    .option(
      '--labels <file>',
      'table of file names or ids and labels for --source folder (CSV, also with semicolons or tabs, or one JSON object per line); a column "split" with train, test or val is followed',
    )
    .option(
      '--label-column <name>',
      'column with the labels of that table, or of a Parquet or CSV file, if its name does not say so',
    )
    .option('--skip-unreadable', 'leave out the files of a folder that cannot be read; the Track lists them')
    .option(
      '--allow-copies',
      'skip equal images even if they are more than a tenth of a class; one of each is kept',
    )
    .option(
      '--image-column <name>',
      'column with the images of a Parquet file, or with the file names of a table of labels, if its name does not say so',
    )
    .addOption(
      new Option(
        '--pixel-order <order>',
        'parquet, csv: order of 3,072 values in one list: all red, then all green, then all blue (planes), or red, green and blue of each pixel (interleaved)',
      ).choices(pixelOrders),
    )
    .option('--train-per-class <n>', 'training images per class', perClass, 500)
    .option('--test-per-class <n>', 'held-out images per class', perClass, 100)
    .option('--seed <n>', 'seed of the sample', integer(0, MAX_SEED), 1)
    .addOption(
      new Option(
        '--new-secret <file>',
        'create a secret file, readable by its owner only, and draw the sample with it; use it for a contest, because a seed can be found by trial',
      ).conflicts(['seed', 'secret']),
    )
    .addOption(new Option('--secret <file>', 'draw the sample with an existing secret').conflicts('seed'))
    .requiredOption('--out <dir>', 'folder to create; must not exist or must be empty')
    .option('--json', 'last line on standard output: the Track as JSON')
    .addHelpText(
      'after',
      `
--from, by source:
${places.join('\n')}

Image formats read: ${formatNames}, recognised by content.
Of animations and of files with several pages, the first image is taken.
HEIC, BMP and other formats must be converted.

The same source and seed give the same Track, and so do the same source and secret.

Example:
  $ haet data make --source cifar10 --from cifar-10-binary.tar.gz --seed 1 --out my-track
  $ haet data make --source folder --from pictures --new-secret sampling-secret.txt --out contest-track
`,
    )
    .action(make);
}

async function make(options: MakeOptions): Promise<void> {
  const { source: name, out } = options;
  const facts: SourceFacts = sources[name];
  if (options.testFrom !== undefined && !facts.hasTestSet) {
    throw new UserError(
      `--test-from ${options.testFrom}: --source ${name} has no test set. Omit --test-from.`,
    );
  }
  for (const [key, option] of Object.entries(ofSomeSources) as [keyof typeof ofSomeSources, string][]) {
    if (options[key] !== undefined && !facts.takes?.includes(key)) {
      throw new UserError(`${option}: --source ${name} does not take it. Omit ${option}.`);
    }
  }
  await requireFree(out);
  const source = await facts.read(options);
  const made = await makeTrack(source, { ...options, seed: await seedOf(options) }).catch(async (error) => {
    // Removes the secret if nothing was drawn with it; otherwise the next attempt would refuse the file.
    if (options.newSecret !== undefined) await rm(options.newSecret, { force: true });
    throw error;
  });
  const { info, duplicates, contradictions, example, nearCopies } = made;
  for (const warning of source.warnings ?? []) warn(warning);
  if (nearCopies !== undefined && nearCopies.pairs > 0) warn(describeNearCopies(nearCopies));
  if (options.json) {
    sayJson({ dir: resolve(out), track: info, duplicates, contradictions, example, nearCopies });
    return;
  }
  const such = example === undefined ? '' : ` (such as ${example.join(' and ')})`;
  say(
    `Made ${out}: ${info.name}.`,
    `${info.trainSize} training images, ${info.testSize} held-out images.`,
    ...(options.newSecret === undefined
      ? []
      : [`The secret is in ${resolve(options.newSecret)}: keep it where no entry runs.`]),
    ...(info.source.warnings ?? []).map((warning) => `Warning: ${warning}`),
    ...(duplicates > 0
      ? [`Skipped ${duplicates} images with the same pixels as another once decoded${such}.`]
      : []),
    ...(contradictions > 0
      ? [`Skipped ${contradictions} images with the same pixels under more than one label${such}.`]
      : []),
    `Look at it: haet data show ${out}`,
  );
}

function describeNearCopies({ pairs, acrossHalves, example }: NearCopies): string {
  return (
    `${pairs} pairs of images look alike, such as ${example?.join(' and ')}; ` +
    `in ${acrossHalves} of them one image is held out and the other is trained on. ` +
    'Remove copies that were scaled or encoded again: only images with equal pixels are skipped.'
  );
}

async function seedOf({ seed, secret, newSecret }: MakeOptions): Promise<Seed> {
  if (newSecret !== undefined) return makeSamplingSecret(newSecret);
  return secret === undefined ? seed : readSamplingSecret(secret);
}

async function readTableSource(kind: 'parquet' | 'csv', options: MakeOptions): Promise<Source> {
  const { from, testFrom = 'batches', imageColumn, labelColumn, pixelOrder } = options;
  if (from === undefined) throw new UserError(`--source ${kind} needs --from: ${sources[kind].from}.`);
  const { readTables } = await import('../../../datasets/sources/tableSource.ts');
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
