import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { plainJson } from '../../datasets/plainText.ts';
import { loadEntry } from '../../evaluator/intake/loadEntry.ts';
import { checkArchive } from '../../evaluator/intake/packEntry.ts';
import { addIntakeOptions, type IntakeOptions, intakeLimits } from '../options/intakeOptions.ts';
import { say, sayJson, shortName } from '../terminal.ts';

/** `haet check`: checks an entry as intake does. */
export function checkCommand(command: Command): void {
  command
    .argument('<entry>', 'folder, or archive (tar or tar.gz)')
    .option('--json', 'last line on standard output: the content of haet.json, and the sha256 of the files')
    .addHelpText('after', '\nExample:\n  $ haet check entry.tar.gz\n')
    .action(check);
  addIntakeOptions(command);
}

interface CheckOptions extends IntakeOptions {
  readonly json?: boolean;
}

async function check(entry: string, options: CheckOptions): Promise<void> {
  const facts = await stat(entry).catch(() => null);
  const { manifest, sha256 } = facts?.isDirectory()
    ? await loadEntry(entry)
    : await checkArchive(resolve(entry), intakeLimits(options));
  if (options.json) {
    sayJson({ manifest, sha256 });
    return;
  }
  say(
    `${shortName(manifest.name)} by ${shortName(manifest.team)}: ready to send`,
    `  train    ${shortName(plainJson(manifest.train))}`,
    `  predict  ${shortName(plainJson(manifest.predict))}`,
  );
}
