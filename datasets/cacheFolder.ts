import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { UserError } from './userError.ts';

/**
 * Returns the folder of downloads: HAET_CACHE, else $XDG_CACHE_HOME/haet, else ~/.cache/haet. A relative
 * XDG_CACHE_HOME is ignored, as the XDG Base Directory Specification demands.
 * @throws UserError if none is set and this user has no home folder
 */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  if (env.HAET_CACHE) return resolve(env.HAET_CACHE);
  if (env.XDG_CACHE_HOME && isAbsolute(env.XDG_CACHE_HOME)) return join(env.XDG_CACHE_HOME, 'haet');
  const home = homeFolder(env);
  if (home !== null) return join(home, '.cache', 'haet');
  throw new UserError({
    option: 'HOME',
    reason: 'is not set, and this user has no home folder, so there is no place for the cache',
    remedy: 'Set HAET_CACHE to a folder that you can write to.',
  });
}

/** Returns $HOME, else the home folder in the user database; null if there is none. */
export function homeFolder(env: NodeJS.ProcessEnv = process.env): string | null {
  if (env.HOME) return resolve(env.HOME);
  try {
    return homedir() || null;
  } catch {
    return null; // HOME is not set, and the user database does not know this user
  }
}
