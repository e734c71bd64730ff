import { randomInt } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { createFile } from '../../datasets/atomicWrite.ts';
import { requireFree } from '../../datasets/newFolder.ts';
import { isAgeFile, publicKeyOf } from '../../datasets/sealing/age.ts';
import { checkPublic } from '../../datasets/sealing/checkPublic.ts';
import { commitTo, MOST_SEED } from '../../datasets/sealing/commitment.ts';
import { makeLabelsKey } from '../../datasets/sealing/labelsKey.ts';
import { makeIdentity } from '../../datasets/sealing/makeIdentity.ts';
import { readIdentity } from '../../datasets/sealing/readIdentity.ts';
import { readWhole } from '../../datasets/sealing/readWhole.ts';
import { writeSealedTrack } from '../../datasets/sealing/sealedTrack.ts';
import { sealTrack } from '../../datasets/sealing/sealTrack.ts';
import {
  commitPattern,
  committedSandboxes,
  describeTerms,
  imageIdPattern,
  type Terms,
} from '../../datasets/sealing/terms.ts';
import { sha256 } from '../../datasets/sha256.ts';
import { UserError } from '../../datasets/userError.ts';
import { deriveSigningKey, publicVerifyKey } from '../../evaluator/attest/signingKey.ts';
import { limitsSchema } from '../../evaluator/contract.ts';
import { evaluatorCommit } from '../../evaluator/machine/commit.ts';
import { entryMemoryBytes } from '../../evaluator/machine/entryMemory.ts';
import { describeMachine } from '../../evaluator/machine/machine.ts';
import { version } from '../../evaluator/machine/version.ts';
import { numberOption } from '../numberOption.ts';
import { say, sayJson, tell } from '../terminal.ts';

interface SealOptions {
  readonly to: string;
  readonly imagesTo: string;
  readonly out: string;
  readonly public?: string;
  readonly name?: string;
  readonly json?: boolean;
}

/** Sources that anyone has, or can draw again. */
const publicSources: readonly string[] = ['cifar10', 'fashion-mnist', 'synthetic'];
const defaults = limitsSchema.parse({});
const seconds = numberOption({ min: 0.001, max: 86_400 });
const integer = (min: number, max: number) => numberOption({ min, max, integer: true });
const seed = numberOption({ min: 0, max: MOST_SEED, integer: true });

/** `haet seal`: hides the withheld half of a Track, and commits to it before a contest. */
export function sealCommand(command: Command): void {
  // Options of its own would be taken out of the words of `keygen` and `commit`, which have some of the same names.
  const sealing = command.command('<track>', { isDefault: true, hidden: true });
  trackCommand(sealing);
  keygenCommand(command.command('keygen'));
  keysCommand(command.command('keys'));
  commitCommand(command.command('commit'));
  labelsKeyCommand(command.command('labels-key'));
  checkCommand(command.command('check'));

  const options = sealing.options.map(({ flags, description }) => `  ${flags.padEnd(17)} ${description}`);
  command
    .usage(
      '<track> --to <key> --images-to <key> --out <file> [--public <dir>]\n       haet seal keygen|keys|commit|labels-key|check [options]',
    )
    .addHelpText(
      'after',
      `
Options of haet seal <track>:
${options.join('\n')}

Keep the Track and the identity file where no entry runs. The images key opens the images in the sealed file and nothing
else: it is all that running entries takes. The labels within are encrypted once more, to the identity alone. A Track in a
folder named as one of the commands is ./keygen, ./commit. age opens the sealed file too:
  $ age -d -i identity.txt withheld.age | tar -x

Example:
  $ haet seal keygen --out identity.txt --images-out images-key.txt
  $ haet seal my-track --to age1... --images-to age1... --out withheld.age --public sealed-track
  $ haet seal commit --sealed withheld.age --seeds 3 --out commitment.json --reveal reveal.json
  $ haet seal labels-key --sealed withheld.age --identity identity.txt --out labels-key.json
`,
    );
}

/** Its name is never typed: it is what `haet seal` does with a word that is no other command's. */
function trackCommand(command: Command): void {
  command
    .argument('<track>', 'folder of the Track')
    .requiredOption('--to <key>', 'public key, age1..., of the identity: it opens images and labels')
    .requiredOption('--images-to <key>', 'public key, age1..., of the images key: it opens the images alone')
    .requiredOption('--out <file>', 'sealed file to write, by habit withheld.age')
    .option(
      '--public <dir>',
      'folder to make with what may be public: training half, sealed file, their hashes',
    )
    .option('--name <text>', 'name of the Track in that folder (default: its classes and sizes)')
    .option('--json', 'last line on standard output: the files, sha256 and bytes of the sealed one')
    .action(seal);
}

async function seal(trackDir: string, options: SealOptions): Promise<void> {
  const { out, name } = options;
  const to = { organizer: options.to, images: options.imagesTo };
  if (name !== undefined && options.public === undefined) {
    throw new UserError(
      '--name names the Track in the folder of --public. Give --public, or leave --name out.',
    );
  }
  if (options.public !== undefined) await requireFree(options.public).catch(inWordsOfPublic);

  const { bytes, info } = await sealTrack(trackDir, to);
  await createFile(out, bytes);
  if (options.public !== undefined) {
    try {
      await writeSealedTrack(options.public, { trackDir, withheld: bytes, to, ...(name && { name }) });
    } catch (error) {
      await rm(out, { force: true });
      inWordsOfPublic(error);
    }
  }

  if (publicSources.includes(info.source.kind) && typeof info.seed === 'number') {
    tell(
      `haet: the source of this Track, ${info.source.kind}, is public. Whoever has it can try sampling seeds until ` +
        'the training half comes out, and then has the withheld half too. For a contest, draw the Track by a secret ' +
        '(haet data make --new-secret FILE), from images that nobody else has where you can (--source folder).',
    );
  }
  const hash = sha256(bytes);
  if (options.json) {
    const dir = options.public === undefined ? null : resolve(options.public);
    sayJson({
      sealed: resolve(out),
      sha256: hash,
      bytes: bytes.length,
      testSize: info.testSize,
      public: dir,
    });
    return;
  }
  say(
    `${resolve(out)}: ${info.testSize} images and their labels, sealed; ${bytes.length} bytes`,
    `  sha256 ${hash}`,
    ...(options.public === undefined ? [] : [`${resolve(options.public)}: what may be public`]),
    `${resolve(trackDir)} still holds the labels in clear: keep it where no entry runs.`,
  );
}

/** What makes a folder names --out where it refuses; here the option is another. */
function inWordsOfPublic(error: unknown): never {
  throw error instanceof UserError ? new UserError(error.message.replaceAll('--out', '--public')) : error;
}

function keygenCommand(command: Command): void {
  command
    .description(
      'Make two secret keys, into files; their public keys, to seal to and to verify with, are printed.',
    )
    .requiredOption(
      '--out <file>',
      'identity file to write: opens labels and signs; readable by its owner only',
    )
    .requiredOption(
      '--images-out <file>',
      'images key to write: opens test images alone; readable by its owner only',
    )
    .option('--json', 'last line on standard output: the two files and the public keys')
    .addHelpText('after', '\nExample:\n  $ haet seal keygen --out identity.txt --images-out images-key.txt\n')
    .action(keygen);
}

async function keygen({ out, imagesOut, json }: { out: string; imagesOut: string; json?: boolean }) {
  await makeIdentity(out, 'identity of the organizer of a haet contest: opens labels, signs records');
  try {
    await makeIdentity(imagesOut, 'images key of a haet contest: opens the withheld images alone');
  } catch (error) {
    await rm(out, { force: true });
    throw error;
  }
  await printKeys(out, { imagesKey: imagesOut, json });
  if (!json) {
    tell(
      `${resolve(out)}: without it no label opens and nothing is signed; keep it where no entry runs.`,
      `${resolve(imagesOut)}: what runs entries is given this one.`,
    );
  }
}

interface KeysOptions {
  readonly imagesKey?: string;
  readonly json?: boolean | undefined;
}

/** `haet seal keys`: the public halves of keys that were made earlier. */
function keysCommand(command: Command): void {
  command
    .description('Print the public keys that belong to an identity file, and to an images key.')
    .argument('<identity>', 'identity file that keygen wrote')
    .option('--images-key <file>', 'images key that keygen wrote')
    .option('--json', 'last line on standard output: the files and the public keys')
    .addHelpText('after', '\nExample:\n  $ haet seal keys identity.txt --images-key images-key.txt\n')
    .action(printKeys);
}

/** An identity has two public keys: what is sealed is sealed to one, what is signed is verified with the other. */
async function printKeys(identity: string, { imagesKey, json }: KeysOptions): Promise<void> {
  const secret = await readIdentity(identity);
  const publicKey = await publicKeyOf(secret);
  const verifyKey = publicVerifyKey(deriveSigningKey(secret));
  const images =
    imagesKey === undefined
      ? null
      : { imagesKey: resolve(imagesKey), imagesPublicKey: await publicKeyOf(await readIdentity(imagesKey)) };
  if (json) {
    sayJson({ identity: resolve(identity), publicKey, verifyKey, ...images });
    return;
  }
  say(
    `Public key: ${publicKey}`,
    ...(images === null ? [] : [`Images public key: ${images.imagesPublicKey}`]),
    `Verify key: ${verifyKey}`,
  );
}

interface CommitOptions {
  readonly sealed: string;
  readonly seeds: number;
  readonly seedList?: readonly number[];
  readonly budget: number;
  readonly predictLimit: number;
  readonly cpus?: number;
  readonly memory?: number;
  readonly processes: number;
  readonly sandbox: Terms['sandbox'];
  readonly imageId?: string;
  readonly evaluatorCommit?: string;
  readonly out: string;
  readonly reveal: string;
  readonly json?: boolean;
}

function commitCommand(command: Command): void {
  command
    .description(
      'Before a contest: write hashes of the sealed set and of the seeds, and the terms, to be published.',
    )
    .requiredOption('--sealed <file>', 'the sealed file, withheld.age')
    .addOption(
      new Option('--seeds <n>', 'draw so many seeds at random')
        .argParser(numberOption({ min: 1, max: 1000, integer: true }))
        .default(3)
        .conflicts('seedList'),
    )
    .option('--seed-list <list>', 'these seeds, with commas between', seedList)
    .option('--budget <seconds>', 'limit of the train stage', seconds, defaults.trainSeconds)
    .option('--predict-limit <seconds>', 'limit of the predict stage', seconds, defaults.predictSeconds)
    .option('--cpus <n>', 'CPUs that an entry gets (default: all of this machine)', integer(1, 4096))
    .option(
      '--memory <bytes>',
      'memory that an entry gets (default: all of this machine)',
      integer(1, Number.MAX_SAFE_INTEGER),
    )
    .option('--processes <n>', 'processes and threads at once', integer(1, 2 ** 22), defaults.processes)
    .addOption(
      new Option('--sandbox <kind>', 'how entries are held').choices(committedSandboxes).default('docker'),
    )
    .option(
      '--image-id <sha256>',
      'image that entries run in, by content (default: any)',
      matching(imageIdPattern),
    )
    .option(
      '--evaluator-commit <hash>',
      'commit of the evaluator (default: that of this one, where it is known)',
      matching(commitPattern),
    )
    .requiredOption('--out <file>', 'commitment to write: publish it')
    .requiredOption('--reveal <file>', 'reveal to write: keep it secret until the contest is over')
    .option('--json', 'last line on standard output: the two files, the hashes and the terms, not the seeds')
    .addHelpText(
      'after',
      `
The commitment is bound to this version of the evaluator. haet grade and haet official refuse other terms, and haet verify
checks them.

Example:
  $ haet seal commit --sealed withheld.age --seeds 3 --out commitment.json --reveal reveal.json \\
      --cpus 4 --memory 12884901888 --image-id $(docker image inspect --format '{{.Id}}' haet)
`,
    )
    .action(commit);
}

async function commit(options: CommitOptions): Promise<void> {
  const { sealed, out } = options;
  const { bytes } = await readWhole(sealed);
  if (!isAgeFile(bytes)) {
    throw new UserError(
      `--sealed names ${sealed}, which is no age file. Give the file that \`haet seal\` wrote.`,
    );
  }
  const { commitment, reveal } = commitTo(
    bytes,
    options.seedList ?? drawSeeds(options.seeds),
    await termsOf(options),
  );
  // The secret first: a commitment that nobody can reveal would be worth nothing.
  await createFile(options.reveal, asText(reveal), 0o600);
  try {
    await createFile(out, asText(commitment));
  } catch (error) {
    await rm(options.reveal, { force: true });
    throw error;
  }

  if (options.json) {
    const { sealedSha256, seedsSha256, terms } = commitment;
    sayJson({ commitment: resolve(out), reveal: resolve(options.reveal), sealedSha256, seedsSha256, terms });
    return;
  }
  say(
    `${resolve(out)}: publish it before the first entry comes in`,
    `  withheld set  sha256 ${commitment.sealedSha256}`,
    `  seeds         sha256 ${commitment.seedsSha256}`,
    `  terms         ${describeTerms(commitment.terms)}`,
    `${resolve(options.reveal)}: the ${reveal.seeds.length} seeds; keep it secret, publish it when the contest is over`,
  );
}

async function termsOf(options: CommitOptions): Promise<Terms> {
  const machine = await describeMachine();
  return {
    trainSeconds: options.budget,
    predictSeconds: options.predictLimit,
    cpus: options.cpus ?? machine.cores,
    memoryBytes: options.memory ?? entryMemoryBytes(machine),
    processes: options.processes,
    sandbox: options.sandbox,
    image: options.imageId ?? null,
    evaluator: { version, commit: options.evaluatorCommit ?? (await evaluatorCommit()) },
  };
}

interface LabelsKeyOptions {
  readonly sealed: string;
  readonly identity: string;
  readonly out: string;
  readonly json?: boolean;
}

function labelsKeyCommand(command: Command): void {
  command
    .description(
      'After a contest: write the key of one sealed file alone, for everyone to score predictions again.',
    )
    .requiredOption('--sealed <file>', 'the sealed file, withheld.age')
    .requiredOption('--identity <file>', 'secret key that it was sealed for')
    .requiredOption('--out <file>', 'labels key to write; publish it when the contest is over')
    .option('--json', 'last line on standard output: the file and the sha256 of what it opens')
    .addHelpText(
      'after',
      `
With it and the sealed file anyone has images and labels; the secret key, and the right to sign, stay yours.

Example:
  $ haet seal labels-key --sealed withheld.age --identity identity.txt --out labels-key.json
`,
    )
    .action(labelsKey);
}

async function labelsKey({ sealed, identity, out, json }: LabelsKeyOptions): Promise<void> {
  const { bytes } = await readWhole(sealed);
  const made = await makeLabelsKey(bytes, await readIdentity(identity), sealed);
  await createFile(out, asText(made), 0o600);
  const { sealedSha256 } = made;
  if (json) {
    sayJson({ labelsKey: resolve(out), sealedSha256 });
    return;
  }
  say(
    `${resolve(out)}: opens images and labels of ${sealed}; publish it when the contest is over`,
    `  sha256 ${sealedSha256} is what it opens`,
  );
}

function checkCommand(command: Command): void {
  command
    .description('Check that a folder is a whole sealed Track and nothing else, fit to be given to anyone.')
    .argument('<dir>', 'folder that --public made')
    .addHelpText('after', '\nExample:\n  $ haet seal check sealed-track\n')
    .action(async (dir: string) => {
      const { name } = await checkPublic(dir);
      say(`${resolve(dir)}: ${name}; sealed and whole, and nothing else lies there`);
    });
}

function matching(pattern: RegExp): (text: string) => string {
  return (text) => {
    if (pattern.test(text)) return text;
    throw new InvalidArgumentError(`Expected ${pattern.source.slice(1, -1)}.`);
  };
}

const asText = (value: object): string => `${JSON.stringify(value, null, 2)}\n`;

/** From the system's randomness, none twice. */
function drawSeeds(count: number): number[] {
  const seeds = new Set<number>();
  while (seeds.size < count) seeds.add(randomInt(MOST_SEED + 1));
  return [...seeds];
}

function seedList(text: string): number[] {
  const seeds = text.split(',').map(seed);
  if (new Set(seeds).size < seeds.length) throw new InvalidArgumentError('A seed stands in it twice.');
  return seeds;
}
