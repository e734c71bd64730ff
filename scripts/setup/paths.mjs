import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

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
 * @param {NodeJS.ProcessEnv} env
 */
export function cacheFolder(env = process.env) {
  if (env.HAET_CACHE) return resolve(env.HAET_CACHE);
  return join(env.XDG_CACHE_HOME || join(env.HOME || homedir(), '.cache'), 'haet');
}
