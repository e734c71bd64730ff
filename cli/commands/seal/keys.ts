import { resolve } from 'node:path';
import type { Command } from 'commander';
import { publicKeyOf } from '../../../datasets/sealing/age.ts';
import { readIdentity } from '../../../datasets/sealing/readIdentity.ts';
import { deriveSigningKey, publicVerifyKey } from '../../../evaluator/attest/signingKey.ts';
import { say, sayJson } from '../../terminal.ts';

interface KeysOptions {
  readonly imagesKey?: string;
  readonly json?: boolean | undefined;
}

/** `haet seal keys`: prints the public keys of existing keys. */
export function keysCommand(command: Command): void {
  command
    .description('Print the public keys that belong to an identity file, and to an images key.')
    .argument('<identity>', 'identity file that keygen wrote')
    .option('--images-key <file>', 'images key that keygen wrote')
    .option('--json', 'last line on standard output: the files and the public keys')
    .addHelpText('after', '\nExample:\n  $ haet seal keys identity.txt --images-key images-key.txt\n')
    .action(printKeys);
}

/** Prints both public keys of an identity: one to seal to, one to verify signatures with. */
export async function printKeys(identity: string, { imagesKey, json }: KeysOptions): Promise<void> {
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
