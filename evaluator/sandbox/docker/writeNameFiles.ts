import { chmod, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { NameFile } from '../nameFiles.ts';
import { makeOwnFolder } from '../ownNames.ts';
import type { Mount } from '../sandbox.ts';

/** Writes files that a container shows instead of those of its image. */
export async function writeNameFiles(
  files: readonly NameFile[],
): Promise<{ mounts: Mount[]; remove(): Promise<void> }> {
  const folder = await makeOwnFolder('names');
  const mounts = files.map(({ path }) => ({ host: join(folder, basename(path)), inside: path }));
  for (const [index, { content }] of files.entries()) {
    const { host } = mounts[index]!;
    await writeFile(host, content);
    await chmod(host, 0o644);
  }
  return { mounts, remove: () => rm(folder, { recursive: true, force: true }) };
}
