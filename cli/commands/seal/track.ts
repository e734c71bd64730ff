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

/** Sources that anyone has, or can draw again. */
const publicSources: readonly string[] = ['cifar10', 'fashion-mnist', 'synthetic'];

/** `haet seal <track>`: its name is never typed, `haet seal` does this with a word that is no other command's. */
export function trackCommand(command: Command): void {
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
