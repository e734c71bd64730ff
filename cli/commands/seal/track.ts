import { rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { createFile } from '../../../datasets/atomicWrite.ts';
import { requireFree } from '../../../datasets/newFolder.ts';
import { writeSealedTrack } from '../../../datasets/sealing/sealedTrack.ts';
import { sealTrack } from '../../../datasets/sealing/sealTrack.ts';
import { sha256 } from '../../../datasets/sha256.ts';
import { UserError } from '../../../datasets/userError.ts';
import { say, sayJson, tell } from '../../terminal.ts';

interface SealOptions {
  readonly to: string;
  readonly imagesTo: string;
  readonly out: string;
  readonly public?: string;
  readonly name?: string;
  readonly json?: boolean;
}

/** Sources that are public or reproducible. */
const publicSources: readonly string[] = ['cifar10', 'fashion-mnist', 'synthetic'];

/** `haet seal <track>`: encrypts the withheld half of a Track. The default subcommand, so its name is never typed. */
export function trackCommand(command: Command): void {
  command
    .argument('<track>', 'folder of the Track')
    .requiredOption('--to <key>', 'public key, age1..., of the identity: it opens images and labels')
    .requiredOption('--images-to <key>', 'public key, age1..., of the images key: it opens the images only')
    .requiredOption('--out <file>', 'sealed file to write, usually withheld.age')
    .option('--public <dir>', 'folder to create for publication: training half, sealed file and their hashes')
    .option('--name <text>', 'name of the Track in that folder (default: its classes and sizes)')
    .option('--json', 'last line on standard output: the files, sha256 and bytes of the sealed one')
    .action(seal);
}

async function seal(trackDir: string, options: SealOptions): Promise<void> {
  const { out, name } = options;
  const to = { organizer: options.to, images: options.imagesTo };
  if (name !== undefined && options.public === undefined) {
    throw new UserError('--name needs --public: it names the Track in that folder.');
  }
  if (options.public !== undefined) await requireFree(options.public, '--public');

  const { bytes, info } = await sealTrack(trackDir, to);
  await createFile(out, bytes);
  if (options.public !== undefined) {
    try {
      await writeSealedTrack(options.public, { trackDir, withheld: bytes, to, ...(name && { name }) });
    } catch (error) {
      await rm(out, { force: true });
      throw error;
    }
  }

  if (publicSources.includes(info.source.kind) && typeof info.seed === 'number') {
    tell(
      `haet: the source of this Track (${info.source.kind}) is public. Anyone can try sampling seeds until the training ` +
        'half matches, and then knows the withheld half. For a contest, draw the Track with a secret ' +
        '(haet data make --new-secret FILE), if possible from images that nobody else has (--source folder).',
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
    ...(options.public === undefined ? [] : [`${resolve(options.public)}: can be published`]),
    `${resolve(trackDir)} still contains the unencrypted labels: keep it where no entry runs.`,
  );
}
