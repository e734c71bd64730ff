import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Folder of the project: the nearest folder above this file with the project's package.json, from source or dist/. */
export const projectFolder = findProject(dirname(fileURLToPath(import.meta.url)));

/** Version of the evaluator, from package.json. */
export const version: string = readPackage(projectFolder)?.version ?? '0.0.0';

/** Returns a commit short enough for a line of text, with its suffix if it has one. */
export function shortCommit(commit: string): string {
  return commit.replace(/^([0-9a-f]{12})[0-9a-f]*/, '$1');
}

function findProject(folder: string): string {
  if (readPackage(folder)?.name === 'haet' || dirname(folder) === folder) return folder;
  return findProject(dirname(folder));
}

function readPackage(folder: string): { name?: string; version?: string } | null {
  try {
    return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  } catch {
    return null;
  }
}
