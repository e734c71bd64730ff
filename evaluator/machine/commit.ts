import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { projectFolder } from './version.ts';

/** Stands behind the commit of a clone whose tracked files were changed since. */
const changed = '-dirty';

/**
 * Returns the commit that the evaluator was built from: of the clone, or as the image was told; null where neither says.
 * Of a clone with uncommitted changes to tracked files it is followed by `-dirty`, since no commit has these files.
 * @param folder of the project
 */
export async function evaluatorCommit(folder: string = projectFolder): Promise<string | null> {
  const told = await readFile(join(folder, 'commit'), 'utf8').catch(() => '');
  if (/^[0-9a-f]{40}$/.test(told.trim())) return told.trim();
  const git = (...words: string[]) => execa('git', words, { cwd: folder, reject: false });
  const { stdout: top } = await git('rev-parse', '--show-toplevel');
  if (top !== folder) return null;
  const { exitCode, stdout } = await git(
    'describe',
    '--always',
    '--exclude=*',
    '--abbrev=40',
    `--dirty=${changed}`,
  );
  return exitCode === 0 ? stdout : null;
}

/** Returns the commit whose files the evaluator is built from; null where there is none, or it is not known. */
export async function cleanCommit(folder: string = projectFolder): Promise<string | null> {
  const commit = await evaluatorCommit(folder);
  return commit?.endsWith(changed) ? null : commit;
}
