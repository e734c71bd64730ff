import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { codeAndMeaning, isDenied, ownership } from '../../datasets/systemError.ts';
import { UserError } from '../../datasets/userError.ts';

const addon = 'node_modules/@tensorflow/tfjs-node-gpu/lib/napi-v8/tfjs_binding';
const libraries = ['tensorflow/libtensorflow_cc.so.2', 'tensorflow/libtensorflow_framework.so.2'];

/** What keeps the reference submission from running. */
export interface Obstacle {
  readonly error: UserError;
  /** Whether a file may not be read, which set-up cannot change; otherwise it is missing. */
  readonly isDenied: boolean;
}

/**
 * Returns why the reference submission cannot run here: a file that set-up makes is missing or cannot be read. Loads none
 * of them. Null if all are there.
 * @param submission its folder
 */
export function whyReferenceCannotRun(submission: string): Obstacle | null {
  const files = ['haet.json', 'main.js'].map((name) => join(submission, name));
  const built = nearest(submission, addon) ?? join(submission, '../..', addon);
  return firstUnreadable([...files, `${built}.node`, `${built}.json`]) ?? firstUnreadable(linkedTo(built));
}

/** Returns the libraries that set-up linked the addon to. */
function linkedTo(built: string): string[] {
  const { library } = JSON.parse(readFileSync(`${built}.json`, 'utf8')) as { library: string };
  return libraries.map((name) => join(library, name));
}

/** Returns a path below the nearest folder above that has it, as Node looks for packages; null if none has. */
function nearest(folder: string, path: string): string | null {
  const found = join(folder, path);
  if (existsSync(`${found}.node`)) return found;
  const above = dirname(folder);
  return above === folder ? null : nearest(above, path);
}

function firstUnreadable(files: readonly string[]): Obstacle | null {
  for (const path of files) {
    try {
      accessSync(path, constants.R_OK);
    } catch (error) {
      const denied = isDenied(error);
      return {
        isDenied: denied,
        error: new UserError({
          path,
          reason: `the reference submission needs this file (${codeAndMeaning(error)}${denied ? ownership(path) : ''})`,
          remedy: denied
            ? 'Let its owner make it readable, or set up haet under your own user, with a HAET_CACHE of your own.'
            : 'Run `haet setup`.',
        }),
      };
    }
  }
  return null;
}
