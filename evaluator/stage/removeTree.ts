import { randomUUID } from 'node:crypto';
import { lstat, rename, unlink } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { execa } from 'execa';

/**
 * Removes whatever lies at a path, without following links: also a tree deeper than any path can name, which Node's own
 * `rm` cannot, folders that were shut, and names that are not UTF-8. Nobody may be at work there any more.
 * @param folder that it lies in, absolute
 * @param name bytes of its name there
 * @throws Error when it is still there
 */
export async function removeTree(folder: string, name: Buffer | string): Promise<void> {
  const path = Buffer.concat([Buffer.from(`${folder}/`), Buffer.from(name)]);
  const facts = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (facts === null) return;
  if (!facts.isDirectory()) return unlink(path);
  const plain = await plainPath(folder, path);
  const options = { reject: false, env: { LC_ALL: 'C' }, maxBuffer: 2 ** 16 } as const;
  // What is named must be no link, which chmod follows; links below it are passed over.
  await execa('chmod', ['-R', 'u+rwX', '--', plain], options);
  const { exitCode } = await execa('rm', ['-rf', '--one-file-system', '--', plain], options);
  if (exitCode !== 0) throw new Error(`what an entry left in ${folder} cannot be removed (rm: ${exitCode})`);
}

/**
 * Returns a path of UTF-8, as a program's arguments are. Only a name that is not UTF-8 gets another: where a removal is cut
 * short, the next one finds the rest under its name.
 */
async function plainPath(folder: string, path: Buffer): Promise<string> {
  const text = path.toString();
  if (Buffer.from(text).equals(path)) return text;
  const renamed = `${folder}/.haet-removed-${randomUUID()}`;
  await rename(path, renamed);
  return renamed;
}

/** As {@link removeTree}, of what lies at an absolute path, if anything does. */
export async function removePath(path: string): Promise<void> {
  await removeTree(dirname(path), basename(path));
}
