import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SetupFailure } from './failure.mjs';

/** The clone or the installed package that this set-up script belongs to: where the sources are. */
export const root = fileURLToPath(new URL('../../', import.meta.url)).replace(/\/$/, '');

/** Written by `npm run pack`: the name of the runtime's folder. */
const key = join(root, 'dist/runtime/key');

/** Whether it is a clone, and not what the archive of `npm run pack` holds. */
export const isClone = !existsSync(key);

/**
 * Returns the folder of the runtime, whose node_modules holds TensorFlow.js with its compiled parts: the clone itself,
 * else a folder of the cache for this content of the package. evaluator/machine/runtime.ts returns the same.
 */
export function runtimeFolder() {
  if (isClone) return root;
  return join(cacheFolder(), 'runtime', readFileSync(key, 'utf8').trim());
}

/**
 * Returns the folder of large files that outlive a clone: HAET_CACHE, else $XDG_CACHE_HOME/haet, else ~/.cache/haet.
 * The rule is that of datasets/cacheFolder.ts, which cannot be imported before it is compiled; one test checks both.
 * @param {NodeJS.ProcessEnv} env
 * @param {() => string} home  the home folder of the user database
 */
export function cacheFolder(env = process.env, home = homedir) {
  if (env.HAET_CACHE) {
    if (isAbsolute(env.HAET_CACHE)) return resolve(env.HAET_CACHE);
    throw new SetupFailure(
      `HAET_CACHE is "${env.HAET_CACHE}": set it to an absolute path, such as ${resolve(env.HAET_CACHE)}, because programs are started in different folders.`,
    );
  }
  // The XDG Base Directory Specification: a relative path is invalid and ignored.
  if (isAbsolute(env.XDG_CACHE_HOME ?? '')) return join(env.XDG_CACHE_HOME, 'haet');
  if (isAbsolute(env.HOME ?? '')) return join(env.HOME, '.cache', 'haet');
  try {
    return join(home(), '.cache', 'haet');
  } catch {
    throw new SetupFailure(
      'HOME is not set and this user has no home folder: set HAET_CACHE to the absolute path of a folder for downloads, and run the command again.',
    );
  }
}
