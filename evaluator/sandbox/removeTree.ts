import { randomUUID } from 'node:crypto';
import { lstat, rename, rmdir, unlink } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { execa } from 'execa';

/**
 * Removes anything at a path without following links: also trees deeper than PATH_MAX (which Node's `rm` cannot),
 * folders without permissions, and names that are not UTF-8. No process may be using it.
 * @param folder absolute path of its parent
 * @param name bytes of its name
 * @throws Error if it cannot be removed
 */
export async function removeTree(folder: string, name: Buffer | string): Promise<void> {
  const path = Buffer.concat([Buffer.from(`${folder}/`), Buffer.from(name)]);
  const facts = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (facts === null) return;
  if (!facts.isDirectory()) return unlink(path);
  // Most scratch folders are empty, and starting two programs costs far more than this call.
  if (await isRemovedEmpty(path)) return;
  const plain = await plainPath(folder, path);
  const options = { reject: false, env: { LC_ALL: 'C' }, maxBuffer: 2 ** 16 } as const;
  // The argument must not be a link, because chmod follows it; links below are skipped.
  await execa('chmod', ['-R', 'u+rwX', '--', plain], options);
  const { exitCode } = await execa('rm', ['-rf', '--one-file-system', '--', plain], options);
  if (exitCode !== 0)
    throw new Error(`the entry's files in ${folder} cannot be removed (rm exited with ${exitCode})`);
}

/** Removes a folder if it is empty, and returns whether it was. */
const isRemovedEmpty = (path: Buffer): Promise<boolean> =>
  rmdir(path).then(
    () => true,
    () => false,
  );

/**
 * Returns a UTF-8 path, because program arguments are UTF-8. Only a name that is not UTF-8 is replaced: after an interrupted
 * removal, the next one finds the rest under the old name.
 */
async function plainPath(folder: string, path: Buffer): Promise<string> {
  const text = path.toString();
  if (Buffer.from(text).equals(path)) return text;
  const renamed = `${folder}/.haet-removed-${randomUUID()}`;
  await rename(path, renamed);
  return renamed;
}

/** Removes anything at an absolute path like {@link removeTree}, if it exists. */
export async function removePath(path: string): Promise<void> {
  await removeTree(dirname(path), basename(path));
}
