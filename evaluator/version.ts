import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';

/** Folder of the project: the nearest one above this file with the project's package.json, from source or dist/. */
export const projectFolder = findProject(dirname(fileURLToPath(import.meta.url)));

/** Version of the evaluator, from package.json. */
export const version: string = readPackage(projectFolder)?.version ?? '0.0.0';

/** The commit that the evaluator was built from: of the clone, or as the image was told; null where neither says. */
export async function evaluatorCommit(): Promise<string | null> {
  const told = await readFile(join(projectFolder, 'commit'), 'utf8').catch(() => '');
  if (/^[0-9a-f]{40}$/.test(told.trim())) return told.trim();
  const { stdout } = await execa('git', ['rev-parse', '--show-toplevel', 'HEAD'], {
    cwd: projectFolder,
    reject: false,
  });
  const [top, commit] = (stdout ?? '').split('\n');
  return top === projectFolder && commit !== undefined ? commit : null;
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
