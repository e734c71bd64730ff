import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { describeFault } from '../../../datasets/describeFault.ts';
import { readImages, readLabels, readTrack } from '../../../datasets/readTrack.ts';
import { describeSeed } from '../../../datasets/track.ts';
import { UserError } from '../../../datasets/userError.ts';
import { integer } from '../../options/numberOption.ts';
import { say, sayJson } from '../../terminal.ts';

/** `haet data show`: checks a Track, describes it and draws some of its images. */
export function showCommand(command: Command): void {
  command
    .description('Check a Track and describe it; write some images of each class to one contact sheet.')
    .argument('<dir>', 'folder of the Track')
    .option('--sheet <file>', 'PNG to write (default: contact-sheet.png in the folder of the Track)')
    .option('--per-class <n>', 'images per class and half on the sheet', integer(1, 100), 8)
    .option('--json', 'last line on standard output: the Track as JSON')
    .addHelpText('after', '\nExample:\n  $ haet data show my-track --sheet my-track.png\n')
    .action(show);
}

async function show(
  dir: string,
  options: { readonly sheet?: string; readonly perClass: number; readonly json?: boolean },
): Promise<void> {
  const info = await readTrack(dir);
  const read = async (split: 'train' | 'test') => ({
    images: await readImages(dir, split, info),
    labels: await readLabels(dir, split, info),
  });
  const [train, test] = [await read('train'), await read('test')];
  const { drawContactSheet } = await import('../../../datasets/contactSheet.ts');
  const sheet = options.sheet ?? join(dir, 'contact-sheet.png');
  const picture = await drawContactSheet({ classes: info.classes, train, test }, options.perClass);
  await writeFile(sheet, picture).catch((error) => {
    throw new UserError({
      path: sheet,
      reason: `cannot be written (${describeFault(error)})`,
      remedy: 'Give another file with --sheet.',
    });
  });

  const counts = info.classes.map((name, label) => ({
    name,
    train: count(train.labels, label),
    test: count(test.labels, label),
  }));
  if (options.json) {
    sayJson({ dir: resolve(dir), track: info, classes: counts, sheet: resolve(sheet) });
    return;
  }
  const longest = Math.max(...info.classes.map((name) => name.length));
  say(
    info.name,
    `Source: ${info.source.description} (${info.source.kind}), sha256 ${info.source.sha256}`,
    ...(info.source.warnings ?? []).map((warning) => `Warning: ${warning}`),
    `Drawn by ${describeSeed(info.seed)}`,
    '',
    `${'class'.padEnd(longest)}  train  held out`,
    ...counts.map(
      (row) =>
        `${row.name.padEnd(longest)}  ${String(row.train).padStart(5)}  ${String(row.test).padStart(8)}`,
    ),
    '',
    `All files are unchanged. Contact sheet: ${sheet}`,
  );
}

function count(labels: Uint8Array, wanted: number): number {
  return labels.reduce((total, label) => total + Number(label === wanted), 0);
}
