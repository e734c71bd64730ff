import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { manifestFile } from '../../evaluator/contract.ts';
import { hashFile } from '../../evaluator/intake/hashFile.ts';
import { leftOut, packEntry } from '../../evaluator/intake/packEntry.ts';
import { say, sayJson, shortName, warn } from '../terminal.ts';

/** `haet pack`: makes the archive of an entry. */
export function packCommand(command: Command): void {
  command
    .argument('<folder>', `folder of the entry, with ${manifestFile}`)
    .requiredOption('--out <file>', 'archive to write, name.tar.gz')
    .option('--json', 'last line on standard output: name, team, sha256, bytes, files')
    .addHelpText(
      'after',
      `\nSkipped: ${leftOut.join(', ')}. The same files give the same bytes.\n\nExample:\n  $ haet pack my-entry --out entry.tar.gz\n`,
    )
    .action(pack);
}

async function pack(folder: string, { out, json }: { out: string; json?: boolean }): Promise<void> {
  const { manifest, files, doubts } = await packEntry(folder, out);
  for (const doubt of doubts) warn(doubt);
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
