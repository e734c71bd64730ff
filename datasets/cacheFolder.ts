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
  const { HAET_CACHE: own, XDG_CACHE_HOME: xdg, HOME } = env;
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
  if (HOME !== undefined && isAbsolute(HOME)) return join(HOME, '.cache', 'haet');
  try {
    return join(home(), '.cache', 'haet');
  } catch {
    throw new UserError({
      option: 'HOME',
      reason: 'is not set and this user has no home folder',
      remedy: 'Set HAET_CACHE to the absolute path of a folder for downloads.',
    });
  }
}
