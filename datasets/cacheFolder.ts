import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/** Returns the folder of downloads: HAET_CACHE, else $XDG_CACHE_HOME/haet, else ~/.cache/haet. */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  if (env.HAET_CACHE) return resolve(env.HAET_CACHE);
  return join(env.XDG_CACHE_HOME || join(env.HOME || homedir(), '.cache'), 'haet');
}
