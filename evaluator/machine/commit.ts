import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { projectFolder } from './version.ts';

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
