import { join, resolve } from 'node:path';
import { homeFolder } from '../datasets/cacheFolder.ts';
import { UserError } from '../datasets/userError.ts';
import { whyNotWritable } from '../datasets/whyNotWritable.ts';

/**
 * Checks that a folder can be created or written to. Creates nothing.
 * @throws UserError that names the folder and one that can be used instead
 */
export async function requireOut(out: string): Promise<void> {
  const reason = await whyNotWritable(out);
  if (reason === null) return;
  throw new UserError({
    option: '--out',
    path: resolve(out),
    reason: `cannot be written to (${reason})`,
    remedy: `Give a folder that you can create or write to${await example()}.`,
  });
}

/** Returns a folder that can be given, as npm passes it on if npm started this process; empty if there is none. */
async function example(): Promise<string> {
  const home = homeFolder();
  if (home === null || (await whyNotWritable(home)) !== null) return '';
  const words = process.env.npm_lifecycle_event === 'start' ? 'npm start -- --out' : '--out';
  return `, for example \`${words} ${join(home, 'haet-runs')}\``;
}
