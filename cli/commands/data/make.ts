import { rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { locateCifar10 } from '../../../datasets/locateCifar10.ts';
import { makeTrack } from '../../../datasets/makeTrack.ts';
import { requireFree } from '../../../datasets/newFolder.ts';
import { MAX_SEED, type Seed } from '../../../datasets/random.ts';
import { makeSamplingSecret, readSamplingSecret } from '../../../datasets/sealing/samplingSecret.ts';
import { type Source, type TestFrom, testFromChoices } from '../../../datasets/source.ts';
import { readCifar10 } from '../../../datasets/sources/cifar10.ts';
import { debianFolder, readFashionMnist } from '../../../datasets/sources/fashionMnist.ts';
import { UserError } from '../../../datasets/userError.ts';
import { withDownloadView } from '../../downloadView.ts';
import { integer } from '../../options/numberOption.ts';
import { say, sayJson } from '../../terminal.ts';

interface MakeOptions {
  readonly source: SourceName;
  readonly from?: string;
  readonly testFrom?: TestFrom;
  readonly trainPerClass: number;
  readonly testPerClass: number;
  readonly seed: number;
  readonly secret?: string;
  readonly newSecret?: string;
  readonly out: string;
  readonly json?: boolean;
}

interface SourceFacts {
  /** What `--from` means, and its default. */
  readonly from: string;
  /** Whether the source has its own test set. */
  readonly hasTestSet: boolean;
  readonly read: (options: MakeOptions) => Promise<Source>;
}

// Sources that need the image library are loaded on use, because it loads slowly.
const sources = {
  cifar10: {
    from: 'cifar-10-binary.tar.gz or the unpacked folder; default: HAET_CIFAR10, the cache, a download',
    hasTestSet: true,
    read: async ({ from, testFrom = 'batches' }) => readCifar10({ from: await findCifar10(from), testFrom }),
  },
  'fashion-mnist': {
    from: `the folder with its four IDX files; default: ${debianFolder}`,
    hasTestSet: true,
    read: ({ from = debianFolder, testFrom = 'batches' }) => readFashionMnist({ from, testFrom }),
  },
  folder: {
    from: 'a folder with one subfolder of images per class',
    hasTestSet: false,
    read: async ({ from }) => {
      if (from === undefined) throw new UserError(`--source folder needs --from: ${sources.folder.from}.`);
      const { readImageFolder } = await import('../../../datasets/sources/imageFolder.ts');
      return readImageFolder({ from });
    },
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
        "where held-out images are drawn from: the training images, without those trained on (batches), or the source's test set (test); default: batches",
      ).choices(testFromChoices),
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
  await requireFree(out);
  const source = await facts.read(options);
  const made = await makeTrack(source, { ...options, seed: await seedOf(options) }).catch(async (error) => {
    // Removes the secret if nothing was drawn with it; otherwise the next attempt would refuse the file.
    if (options.newSecret !== undefined) await rm(options.newSecret, { force: true });
    throw error;
  });
  const { info, duplicates, contradictions } = made;
  if (options.json) {
    sayJson({ dir: resolve(out), track: info, duplicates, contradictions });
    return;
  }
  say(
    `Made ${out}: ${info.name}.`,
    `${info.trainSize} training images, ${info.testSize} held-out images.`,
    ...(options.newSecret === undefined
      ? []
      : [`The secret is in ${resolve(options.newSecret)}: keep it where no entry runs.`]),
    ...(duplicates > 0 ? [`Skipped ${duplicates} duplicate images.`] : []),
    ...(contradictions > 0
      ? [`Skipped ${contradictions} images that have more than one label in the source.`]
      : []),
    `Look at it: haet data show ${out}`,
  );
}

async function seedOf({ seed, secret, newSecret }: MakeOptions): Promise<Seed> {
  if (newSecret !== undefined) return makeSamplingSecret(newSecret);
  return secret === undefined ? seed : readSamplingSecret(secret);
}

async function findCifar10(from: string | undefined): Promise<string> {
  const located = await withDownloadView('CIFAR-10', process.stderr, (onProgress) =>
    locateCifar10({ from, onProgress }),
  );
  if (located !== null) return located.path;
  throw new UserError(
    'CIFAR-10 was not found and its site cannot be reached. ' +
      'Give --from cifar-10-binary.tar.gz (from https://www.cs.toronto.edu/~kriz/cifar.html), or use --source synthetic.',
  );
}
