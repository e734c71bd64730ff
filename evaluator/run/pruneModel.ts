import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { removeTree } from '../sandbox/removeTree.ts';

/** File of the model that the report shows. */
export const settingsFile = 'settings.json';
export const mostSettingsBytes = 64_000;

/**
 * Removes a model after it was used and hashed, except settings.json up to 64 kB.
 * @param folder as left by keepRegularFiles
 */
export async function pruneModel(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const facts = await lstat(join(folder, name));
    if (name === settingsFile && facts.isFile() && facts.size <= mostSettingsBytes) continue;
    await removeTree(folder, name);
  }
}
