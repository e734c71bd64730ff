import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { removeTree } from '../stage/removeTree.ts';

/** What the report shows of a model, as an entry may write it there. */
export const settingsFile = 'settings.json';
export const mostSettingsBytes = 64_000;

/**
 * Removes a model that has been used and hashed, all but its small settings.json.
 * @param folder as keepRegularFiles left it
 */
export async function pruneModel(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const facts = await lstat(join(folder, name));
    if (name === settingsFile && facts.isFile() && facts.size <= mostSettingsBytes) continue;
    await removeTree(folder, name);
  }
}
