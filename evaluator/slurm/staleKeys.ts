import { readdir } from 'node:fs/promises';
import { readIssued } from '../grade/issued.ts';
import { batchOf, hasKey, removeKey } from './batch.ts';
import { openAttempts } from './openAttempts.ts';

/**
 * Removes keys of the test images that a killed coordinator left behind: those of batches without an open attempt.
 * @param outFolder locked by the caller
 * @param batches folder of the batches
 */
export async function removeStaleKeys(outFolder: string, batches: string): Promise<void> {
  const names = await readdir(batches).catch((): string[] => []);
  const keyed = names.map((name) => batchOf(batches, name)).filter(hasKey);
  if (keyed.length === 0) return;
  const needed = new Set<string | null>();
  for (const folder of await openAttempts(outFolder)) needed.add((await readIssued(folder)).batch);
  for (const batch of keyed) if (!needed.has(batch.name)) await removeKey(batch);
}
