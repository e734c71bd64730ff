import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { projectFolder } from './version.ts';

/** Suffix of the commit of a clone with changed tracked files. */
const changed = '-dirty';

/**
 * Returns the commit that the evaluator was built from: of the clone, or as written when its archive or image was made;
 * null if unknown. The suffix `-dirty` marks a clone with uncommitted changes to tracked files, because no commit has
 * these files.
 * @param folder of the project
 */
export async function evaluatorCommit(folder: string = projectFolder): Promise<string | null> {
  const git = (...words: string[]) => execa('git', words, { cwd: folder, reject: false });
  const { stdout: top } = await git('rev-parse', '--show-toplevel');
  if (top !== folder) return writtenCommit(folder);
  const { exitCode, stdout } = await git(
    'describe',
    '--always',
    '--exclude=*',
    '--abbrev=40',
    `--dirty=${changed}`,
  );
  return exitCode === 0 ? stdout : null;
}

async function writtenCommit(folder: string): Promise<string | null> {
  const written = (await readFile(join(folder, 'dist/commit'), 'utf8').catch(() => '')).trim();
  return /^[0-9a-f]{40}(-dirty)?$/.test(written) ? written : null;
}

/** Returns the commit whose files the evaluator is built from; null if there is none or it is unknown. */
export async function cleanCommit(folder: string = projectFolder): Promise<string | null> {
  const commit = await evaluatorCommit(folder);
  return commit?.endsWith(changed) ? null : commit;
}
