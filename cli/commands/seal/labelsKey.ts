import { resolve } from 'node:path';
import type { Command } from 'commander';
import { createFile } from '../../../datasets/atomicWrite.ts';
import { makeLabelsKey } from '../../../datasets/sealing/labelsKey.ts';
import { readIdentity } from '../../../datasets/sealing/readIdentity.ts';
import { readWhole } from '../../../datasets/sealing/readWhole.ts';
import { say, sayJson } from '../../terminal.ts';
import { jsonFile } from './jsonFile.ts';

interface LabelsKeyOptions {
  readonly sealed: string;
  readonly identity: string;
  readonly out: string;
  readonly json?: boolean;
}

/** `haet seal labels-key`: writes the key of one sealed file, to publish after a contest. */
export function labelsKeyCommand(command: Command): void {
  command
    .description(
      'After a contest: write the key of one sealed file, so that anyone can score predictions again.',
    )
    .requiredOption('--sealed <file>', 'the sealed file, withheld.age')
    .requiredOption('--identity <file>', 'secret key of the identity that it was sealed to')
    .requiredOption('--out <file>', 'labels key to write; publish it when the contest has ended')
    .option('--json', 'last line on standard output: the file and the sha256 of the sealed file')
    .addHelpText(
      'after',
      `
With it, anyone can open images and labels of the sealed file. The secret key, which signs, stays private.

Example:
  $ haet seal labels-key --sealed withheld.age --identity identity.txt --out labels-key.json
`,
    )
    .action(labelsKey);
}

async function labelsKey({ sealed, identity, out, json }: LabelsKeyOptions): Promise<void> {
  const { bytes } = await readWhole(sealed);
  const made = await makeLabelsKey(bytes, await readIdentity(identity), sealed);
  await createFile(out, jsonFile(made), 0o600);
  const { sealedSha256 } = made;
  if (json) {
    sayJson({ labelsKey: resolve(out), sealedSha256 });
    return;
  }
  say(
    `${resolve(out)}: opens images and labels of ${sealed}; publish it when the contest has ended`,
    `  it opens the sealed file with sha256 ${sealedSha256}`,
  );
}
