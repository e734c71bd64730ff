import { constants, existsSync, lstatSync } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { codeAndMeaning, isDenied, ownership } from './systemError.ts';

const longestName = 255; // bytes; NAME_MAX of Linux
/** PATH_MAX of Linux, less what is made below the folder. */
const longestPath = 4095 - 250;

/** Returns why a folder can be neither written to nor created; null if it can. Creates nothing. */
export async function whyNotWritable(folder: string): Promise<string | null> {
  const path = resolve(folder);
  if (isTooLong(path)) return codeAndMeaning({ code: 'ENAMETOOLONG' });
  let nearest = path;
  while (!isThere(nearest)) nearest = dirname(nearest);
  try {
    if (!(await stat(nearest)).isDirectory()) throw Object.assign(new Error(), { code: 'ENOTDIR' });
    await access(nearest, constants.W_OK | constants.X_OK);
    return null;
  } catch (error) {
    return `${codeAndMeaning(error)}${isDenied(error) ? ownership(path) : ''}`;
  }
}

function isTooLong(path: string): boolean {
  const bytes = Buffer.byteLength(path);
  return bytes > longestPath || path.split('/').some((name) => Buffer.byteLength(name) > longestName);
}

/** Whether something has this name, also a link to nowhere. */
function isThere(path: string): boolean {
  if (dirname(path) === path || existsSync(path)) return true;
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return false; // a folder above it cannot be entered, and is reported itself
  }
}
