import { realpath, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { plainJson } from '../../datasets/plainText.ts';
import { checkArchive, checkFolder } from '../../evaluator/intake/packEntry.ts';
import { addIntakeOptions, type IntakeOptions, intakeLimits } from '../options/intakeOptions.ts';
import { say, sayJson, shortName, warn } from '../terminal.ts';

/** `haet check`: checks an entry as intake does. */
export function checkCommand(command: Command): void {
  command
    .argument('<entry>', 'folder, or archive (tar, tar.gz or zip)')
    .option(
      '--json',
      'last line on standard output: the content of haet.json, the sha256 of the files, and what of the commands probably does not work',
    )
    .addHelpText('after', '\nExample:\n  $ haet check entry.tar.gz\n')
    .action(check);
  addIntakeOptions(command);
}

interface CheckOptions extends IntakeOptions {
  readonly json?: boolean;
}

async function check(entry: string, options: CheckOptions): Promise<void> {
  const facts = await stat(entry).catch(() => null);
  const { manifest, sha256, doubts } = facts?.isDirectory()
    ? await checkFolder(entry, intakeLimits(options))
    : await checkArchive(await realpath(entry).catch(() => resolve(entry)), intakeLimits(options));
  for (const doubt of doubts) warn(doubt);
  if (options.json) {
    sayJson({ manifest, sha256, doubts });
    return;
  }
  say(
    `${shortName(manifest.name)} by ${shortName(manifest.team)}: ready to send`,
    `  train    ${shortName(plainJson(manifest.train))}`,
    `  predict  ${shortName(plainJson(manifest.predict))}`,
  );
}
