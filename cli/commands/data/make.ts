import { rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { makeTrack } from '../../../datasets/makeTrack.ts';
import type { NearCopies } from '../../../datasets/nearCopies.ts';
import { requireFree } from '../../../datasets/newFolder.ts';
import { MAX_SEED, type Seed } from '../../../datasets/random.ts';
import { makeSamplingSecret, readSamplingSecret } from '../../../datasets/sealing/samplingSecret.ts';
import { testFromChoices } from '../../../datasets/source.ts';
import { formatNames } from '../../../datasets/sources/folder/imageFormats.ts';
import { pixelOrders } from '../../../datasets/sources/rawPixels.ts';
import { UserError } from '../../../datasets/userError.ts';
import { integer } from '../../options/numberOption.ts';
import {
  ofSomeSources,
  type SourceFacts,
  type SourceName,
  type SourceOptions,
  sources,
} from '../../sources.ts';
import { say, sayJson, warn } from '../../terminal.ts';

interface MakeOptions extends SourceOptions {
  readonly source: SourceName;
  readonly allowCopies?: boolean;
  readonly json?: boolean;
}

const perClass = integer(1, 1_000_000);
const perClassOrAll = (text: string) => (text === 'all' ? text : perClass(text));

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
    .option(
      '--test-per-class <n>',
      'held-out images per class, or `all` that are not trained on',
      perClassOrAll,
      100,
    )
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
