import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { plainJson } from '../../datasets/plainText.ts';
import { manifestFile } from '../../evaluator/contract.ts';
import { hashFile } from '../../evaluator/intake/hashFile.ts';
import { loadEntry } from '../../evaluator/intake/loadEntry.ts';
import { checkArchive, leftOut, packEntry } from '../../evaluator/intake/packEntry.ts';
import { addIntakeOptions, type IntakeOptions, intakeLimits } from '../intakeOptions.ts';
import { say, sayJson, shortName } from '../terminal.ts';

/** `haet pack`: makes the archive of an entry that is sent in. */
export function packCommand(command: Command): void {
  command
    .argument('<folder>', `folder of the entry, with ${manifestFile}`)
    .requiredOption('--out <file>', 'archive to write, name.tar.gz')
    .option('--json', 'last line on standard output: name, team, sha256, bytes, files')
    .addHelpText(
      'after',
      `\nLeft out: ${leftOut.join(', ')}. The same files give the same bytes.\n\nExample:\n  $ haet pack examples/pytorch --out entry.tar.gz\n`,
    )
    .action(pack);
}

async function pack(folder: string, { out, json }: { out: string; json?: boolean }): Promise<void> {
  const { manifest, files } = await packEntry(folder, out);
  const { size } = await stat(out);
  const sha256 = await hashFile(out);
  if (json) {
    const { name, team } = manifest;
    sayJson({ archive: resolve(out), name, team, sha256, bytes: size, files });
    return;
  }
  const { name, team } = manifest;
  say(
    resolve(out),
    `  ${shortName(name)} by ${shortName(team)}: ${files.length} files, ${size} bytes`,
    `  sha256 ${sha256}`,
  );
}

/** `haet check`: says what intake would say of an entry. */
export function checkCommand(command: Command): void {
  command
    .argument('<entry>', 'folder, or archive (tar or tar.gz)')
    .option('--json', 'last line on standard output: what haet.json says, and the sha256 of the files')
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
    `${shortName(manifest.name)} by ${shortName(manifest.team)}: fit to be sent in`,
    `  train    ${shortName(plainJson(manifest.train))}`,
    `  predict  ${shortName(plainJson(manifest.predict))}`,
  );
}
