import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, realpath, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, test } from '@jest/globals';
import { cleanCommit, evaluatorCommit } from '../../../evaluator/machine/commit.ts';
import { shortCommit } from '../../../evaluator/machine/version.ts';
import { temporaryFolder } from '../fixtures.ts';

let clone: string;
const git = (...words: string[]) =>
  execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@b', ...words], {
    cwd: clone,
    encoding: 'utf8',
  }).trim();
beforeEach(async () => {
  clone = await mkdtemp(join(await realpath(await temporaryFolder()), 'clone-'));
  git('init', '--quiet');
  await writeFile(join(clone, 'tracked'), 'as committed');
  git('add', 'tracked');
  git('commit', '--quiet', '--message', 'first');
});

test('a clone without changes has its commit, also with untracked files and a tag', async () => {
  git('tag', '--annotate', 'v1', '--message', 'v1');
  await writeFile(join(clone, 'untracked'), '');
  const head = git('rev-parse', 'HEAD');
  expect(await evaluatorCommit(clone)).toBe(head);
  expect(await cleanCommit(clone)).toBe(head);
  await mkdir(join(clone, 'dist'));
  await writeFile(join(clone, 'dist/commit'), `${'a'.repeat(40)}\n`);
  expect(await evaluatorCommit(clone)).toBe(head);
});

test('a clone with changed tracked files is marked, and has no clean commit', async () => {
  await writeFile(join(clone, 'tracked'), 'changed since');
  const dirty = `${git('rev-parse', 'HEAD')}-dirty`;
  expect(await evaluatorCommit(clone)).toBe(dirty);
  expect(await cleanCommit(clone)).toBeNull();
  git('add', 'tracked');
  expect(await evaluatorCommit(clone)).toBe(dirty);
  expect(shortCommit(dirty)).toBe(`${dirty.slice(0, 12)}-dirty`);
});

test('an archive or image has the commit it was made of, and a folder that is not a clone has none', async () => {
  const folder = await temporaryFolder();
  expect(await evaluatorCommit(folder)).toBeNull();
  await mkdir(join(folder, 'dist'));
  await writeFile(join(folder, 'dist/commit'), `${'a'.repeat(40)}\n`);
  expect(await evaluatorCommit(folder)).toBe('a'.repeat(40));
  expect(await cleanCommit(folder)).toBe('a'.repeat(40));
  await writeFile(join(folder, 'dist/commit'), `${'a'.repeat(40)}-dirty\n`);
  expect(await evaluatorCommit(folder)).toBe(`${'a'.repeat(40)}-dirty`);
  expect(await cleanCommit(folder)).toBeNull();
});
