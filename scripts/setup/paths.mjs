import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The clone that this set-up script belongs to. */
export const root = fileURLToPath(new URL('../../', import.meta.url)).replace(/\/$/, '');

/**
 * Returns the folder of large files that outlive a clone: HAET_CACHE, else $XDG_CACHE_HOME/haet, else ~/.cache/haet.
 * @param {NodeJS.ProcessEnv} env
 */
export function cacheFolder(env = process.env) {
  if (env.HAET_CACHE) return resolve(env.HAET_CACHE);
  return join(env.XDG_CACHE_HOME || join(env.HOME || homedir(), '.cache'), 'haet');
}
