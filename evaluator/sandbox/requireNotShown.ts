import { existsSync, realpathSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { UserError } from '../../datasets/userError.ts';
import type { Sandbox } from './sandbox.ts';

/** What no entry may see, by the words that a person knows it by, e.g. `--identity`. */
export type Secrets = Readonly<Record<string, string | undefined>>;

/**
 * Refuses places that a fenced sandbox would show to every stage, before anything is started.
 * @param secrets files and folders that entries must not see; they need not be there yet
 * @param entry path of the entry: a folder is shown as it lies, an archive is not
 * @throws UserError naming the first that lies in, or is, something shown
 */
export function requireNotShown(
  { fenced, shows = [] }: Pick<Sandbox, 'fenced' | 'shows'>,
  secrets: Secrets,
  entry?: string,
): void {
  if (!fenced) return;
  const isFolder =
    entry !== undefined && (statSync(entry, { throwIfNoEntry: false })?.isDirectory() ?? false);
  const shown = [...shows.map(({ host }) => host), ...(isFolder ? [entry] : [])];
  // Sealed images are opened in the temporary folder.
  for (const [name, path] of Object.entries({ ...secrets, TMPDIR: tmpdir() })) {
    if (path === undefined) continue;
    const folder = shown.find((each) => liesIn(path, each));
    if (folder === undefined) continue;
    throw new UserError(
      `${name} ${resolve(path)} lies in ${folder}, which every entry can read. Move it elsewhere.`,
    );
  }
}

/** A path without links; of one that is not there yet, as far as it is. */
function realPath(path: string): string {
  const full = resolve(path);
  if (existsSync(full)) return realpathSync(full);
  const above = dirname(full);
  return above === full ? full : join(realPath(above), basename(full));
}

/** Whether a path is a folder or lies in it, with links followed; neither needs to be there yet. */
export function liesIn(path: string, folder: string): boolean {
  return isWithin(realPath(path), realPath(folder));
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}
