import { existsSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { homeFolder } from '../datasets/cacheFolder.ts';
import { UserError } from '../datasets/userError.ts';
import { whyNotWritable } from '../datasets/whyNotWritable.ts';
import { liesIn } from '../evaluator/sandbox/requireNotShown.ts';

/** A run reserves 1 MiB for its record, and makes some folders. */
const leastBytes = 4 * 2 ** 20;
const leastFiles = 16;

/**
 * Checks that a folder for runs can be created or written to, and that its disk has room. Creates nothing.
 * @param entry the entry that will run; runs in its folder would become part of it
 * @throws UserError that names the folder and one that can be used instead
 */
export async function requireOut(out: string, entry?: string): Promise<void> {
  if (out === '') throw new UserError({ option: '--out', reason: 'is empty', remedy: 'Give a folder.' });
  const reason = (await whyNotWritable(out)) ?? (await whyNoRoom(out));
  if (reason !== null) {
    throw new UserError({
      option: '--out',
      path: resolve(out),
      reason: `cannot be written to (${reason})`,
      remedy: `Give a folder that you can create or write to${await example()}.`,
    });
  }
  if (entry !== undefined && liesIn(out, entry)) {
    throw new UserError({
      option: '--out',
      path: resolve(out),
      reason: `lies in the entry, ${resolve(entry)}, and runs there would become part of it`,
      remedy: 'Give a folder outside the entry.',
    });
  }
}

/** Returns why the disk of a folder, which need not be there yet, has no room for a run; null if it has. */
async function whyNoRoom(out: string): Promise<string | null> {
  let there = resolve(out);
  while (!existsSync(there)) there = dirname(there);
  const { blocks, bavail, bsize, files, ffree } = await statfs(there);
  // Some network file systems count nothing.
  if (blocks > 0 && bavail * bsize < leastBytes) {
    return `${bavail * bsize} bytes are free on its disk, and a run needs ${leastBytes}`;
  }
  return files > 0 && ffree < leastFiles ? `its disk has room for ${ffree} more files` : null;
}

/** Returns a folder that can be given, as npm passes it on if npm started this process; empty if there is none. */
async function example(): Promise<string> {
  const home = homeFolder();
  if (home === null || (await whyNotWritable(home)) !== null) return '';
  const words = process.env.npm_lifecycle_event === 'start' ? 'npm start -- --out' : '--out';
  return `, for example \`${words} ${join(home, 'haet-runs')}\``;
}
