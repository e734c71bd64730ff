import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { UserError } from './userError.ts';

/**
 * Returns the folder of downloads: HAET_CACHE, else $XDG_CACHE_HOME/haet, else ~/.cache/haet. The rule is that of
 * scripts/setup/paths.mjs, so that set-up and runs use one folder wherever they are started.
 * @param home  the home folder of the user database
 * @throws UserError if HAET_CACHE is not an absolute path, or if nothing names a folder
 */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env, home: () => string = homedir): string {
  const { HAET_CACHE: own, XDG_CACHE_HOME: xdg } = env;
  if (own) {
    if (isAbsolute(own)) return resolve(own);
    throw new UserError({
      option: 'HAET_CACHE',
      path: own,
      reason: 'must be an absolute path, because programs are started in different folders',
      remedy: `Set it to a path such as ${resolve(own)}.`,
    });
  }
  // The XDG Base Directory Specification: a relative path is invalid and ignored.
  if (xdg !== undefined && isAbsolute(xdg)) return join(xdg, 'haet');
  const folder = homeFolder(env, home);
  if (folder !== null) return join(folder, '.cache', 'haet');
  throw new UserError({
    option: 'HOME',
    reason: 'is not set and this user has no home folder, so there is no place for the cache',
    remedy: 'Set HAET_CACHE to the absolute path of a folder that you can write.',
  });
}

/** Returns $HOME, else the home folder in the user database; null if there is none. */
export function homeFolder(
  env: NodeJS.ProcessEnv = process.env,
  home: () => string = homedir,
): string | null {
  if (env.HOME !== undefined && isAbsolute(env.HOME)) return resolve(env.HOME);
  try {
    return home() || null;
  } catch {
    return null; // HOME is not set, and the user database does not know this user
  }
}
