import { randomInt } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { checkFree } from '../../datasets/makeTrack.ts';
import { isAgeFile, publicKeyOf } from '../../datasets/sealing/age.ts';
import { commitTo, MOST_SEED } from '../../datasets/sealing/commitment.ts';
import { makeLabelsKey } from '../../datasets/sealing/labelsKey.ts';
import { makeIdentity } from '../../datasets/sealing/makeIdentity.ts';
import { readIdentity } from '../../datasets/sealing/readIdentity.ts';
import { readWhole } from '../../datasets/sealing/readWhole.ts';
import { writeSealedTrack } from '../../datasets/sealing/sealedTrack.ts';
import { sealTrack } from '../../datasets/sealing/sealTrack.ts';
import { sha256 } from '../../datasets/sealing/withheldSet.ts';
import { writeNew } from '../../datasets/sealing/writeNew.ts';
import { UserError } from '../../datasets/userError.ts';
import { deriveSigningKey, publicVerifyKey } from '../../evaluator/attest/signingKey.ts';
import { numberOption } from '../numberOption.ts';
import { say, sayJson, tell } from '../terminal.ts';

interface SealOptions {
  readonly to: string;
  readonly out: string;
  readonly public?: string;
  readonly name?: string;
  readonly json?: boolean;
}

/** Sources that anyone has, or can draw again. */
const publicSources: readonly string[] = ['cifar10', 'fashion-mnist', 'synthetic'];
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

  const options = sealing.options.map(({ flags, description }) => `  ${flags.padEnd(17)} ${description}`);
  command
    .usage(
      '<track> --to <key> --out <file> [--public <dir>]\n       haet seal keygen|keys|commit|labels-key [options]',
    )
    .addHelpText(
      'after',
      `
Options of haet seal <track>:
${options.join('\n')}

Keep the Track and the identity file where no entry runs. Whoever opens the sealed file has the images; the labels are
encrypted once more within. A Track in a folder named as one of the commands is ./keygen, ./commit. age opens it too:
  $ age -d -i identity.txt withheld.age | tar -x

Example:
  $ haet seal keygen --out identity.txt
  $ haet seal my-track --to age1... --out withheld.age --public sealed-track
  $ haet seal commit --sealed withheld.age --seeds 3 --out commitment.json --reveal reveal.json
  $ haet seal labels-key --sealed withheld.age --identity identity.txt --out labels-key.json
`,
    );
}

/** Its name is never typed: it is what `haet seal` does with a word that is no other command's. */
function trackCommand(command: Command): void {
  command
    .argument('<track>', 'folder of the Track')
    .requiredOption('--to <key>', 'public key, age1..., to encrypt to')
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
  const { to, out, name } = options;
  if (name !== undefined && options.public === undefined) {
    throw new UserError(
      '--name names the Track in the folder of --public. Give --public, or leave --name out.',
    );
  }
  if (options.public !== undefined) await checkFree(options.public).catch(inWordsOfPublic);

  const { bytes, info } = await sealTrack(trackDir, to);
  await writeNew(out, bytes);
  if (options.public !== undefined) {
    try {
      await writeSealedTrack(options.public, { trackDir, withheld: bytes, ...(name && { name }) });
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
      'Make a secret key, into a file; its public keys, to seal to and to verify with, are printed.',
    )
    .requiredOption('--out <file>', 'identity file to write, readable by its owner only')
    .option('--json', 'last line on standard output: the identity file and both public keys')
    .addHelpText('after', '\nExample:\n  $ haet seal keygen --out identity.txt\n')
    .action(keygen);
}

async function keygen({ out, json }: { out: string; json?: boolean }): Promise<void> {
  await makeIdentity(out);
  await printKeys(out, json);
  if (!json) {
    tell(`The secret key is in ${resolve(out)}: without it, nothing that is sealed opens.`);
  }
}

/** `haet seal keys`: the public halves of a key that was made earlier. */
function keysCommand(command: Command): void {
  command
    .description('Print the public keys that belong to an identity file.')
    .argument('<identity>', 'file that keygen wrote')
    .option('--json', 'last line on standard output: the identity file and both public keys')
    .addHelpText('after', '\nExample:\n  $ haet seal keys identity.txt\n')
    .action((identity: string, { json }: { json?: boolean }) => printKeys(identity, json));
}

/** One secret, two public keys: what is sealed is sealed to one, what is signed is verified with the other. */
async function printKeys(identity: string, json: boolean | undefined): Promise<void> {
  const secret = await readIdentity(identity);
  const keys = {
    publicKey: await publicKeyOf(secret),
    verifyKey: publicVerifyKey(deriveSigningKey(secret)),
  };
  if (json) sayJson({ identity: resolve(identity), ...keys });
  else say(`Public key: ${keys.publicKey}`, `Verify key: ${keys.verifyKey}`);
}

interface CommitOptions {
  readonly sealed: string;
  readonly seeds: number;
  readonly seedList?: readonly number[];
  readonly out: string;
  readonly reveal: string;
  readonly json?: boolean;
}

function commitCommand(command: Command): void {
  command
    .description('Before a contest: write hashes of the sealed set and of the seeds, to be published.')
    .requiredOption('--sealed <file>', 'the sealed file, withheld.age')
    .addOption(
      new Option('--seeds <n>', 'draw so many seeds at random')
        .argParser(numberOption({ min: 1, max: 1000, integer: true }))
        .default(3)
        .conflicts('seedList'),
    )
    .option('--seed-list <list>', 'these seeds, with commas between', seedList)
    .requiredOption('--out <file>', 'commitment to write: publish it')
    .requiredOption('--reveal <file>', 'reveal to write: keep it secret until the contest is over')
    .option('--json', 'last line on standard output: the two files and the hashes, not the seeds')
    .addHelpText(
      'after',
      `
Example:
  $ haet seal commit --sealed withheld.age --seeds 3 --out commitment.json --reveal reveal.json
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
  const { commitment, reveal } = commitTo(bytes, options.seedList ?? drawSeeds(options.seeds));
  // The secret first: a commitment that nobody can reveal would be worth nothing.
  await writeNew(options.reveal, asText(reveal), 0o600);
  try {
    await writeNew(out, asText(commitment));
  } catch (error) {
    await rm(options.reveal, { force: true });
    throw error;
  }

  if (options.json) {
    const { sealedSha256, seedsSha256 } = commitment;
    sayJson({ commitment: resolve(out), reveal: resolve(options.reveal), sealedSha256, seedsSha256 });
    return;
  }
  say(
    `${resolve(out)}: publish it before the first entry comes in`,
    `  withheld set  sha256 ${commitment.sealedSha256}`,
    `  seeds         sha256 ${commitment.seedsSha256}`,
    `${resolve(options.reveal)}: the ${reveal.seeds.length} seeds; keep it secret, publish it when the contest is over`,
  );
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
  await writeNew(out, asText(made), 0o600);
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
