import { rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { makeIdentity } from '../../../datasets/sealing/makeIdentity.ts';
import { tell } from '../../terminal.ts';
import { printKeys } from './keys.ts';

/** `haet seal keygen`: makes the organizer's two key pairs. */
export function keygenCommand(command: Command): void {
  command
    .description('Write two secret keys to files and print their public keys, to seal to and to verify with.')
    .requiredOption(
      '--out <file>',
      'identity file to write: opens labels and signs; readable by its owner only',
    )
    .requiredOption(
      '--images-out <file>',
      'images key to write: opens only the test images; readable by its owner only',
    )
    .option('--json', 'last line on standard output: the two files and the public keys')
    .addHelpText('after', '\nExample:\n  $ haet seal keygen --out identity.txt --images-out images-key.txt\n')
    .action(keygen);
}

async function keygen({ out, imagesOut, json }: { out: string; imagesOut: string; json?: boolean }) {
  await makeIdentity(out, 'identity of the organizer of a haet contest: opens labels, signs records');
  try {
    await makeIdentity(imagesOut, 'images key of a haet contest: opens only the withheld images');
  } catch (error) {
    await rm(out, { force: true });
    throw error;
  }
  await printKeys(out, { imagesKey: imagesOut, json });
  if (!json) {
    tell(
      `${resolve(out)}: needed to open labels and to sign; keep it where no entry runs.`,
      `${resolve(imagesOut)}: give this one to the process that runs entries.`,
    );
  }
}
