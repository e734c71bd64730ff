import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { execa } from 'execa';
import { templateNames } from '../../cli/templates.ts';
import { temporaryFolder } from '../datasets/temporaryFolder.ts';

const bin = fileURLToPath(new URL('../../cli/bin.mjs', import.meta.url));
const folder = temporaryFolder();
const haet = (words: readonly string[], options: { cwd?: string; env?: Record<string, string> } = {}) =>
  execa(process.execPath, [bin, 'init', ...words], {
    reject: false,
    cwd: options.cwd ?? folder.path,
    // Tests may be started by npm.
    env: { npm_command: undefined, ...options.env },
  });
const manifestIn = async (name: string) =>
  JSON.parse(await readFile(join(folder.path, name, 'haet.json'), 'utf8'));

test('creates an entry named after its folder, asks nothing, and prints commands that can be pasted', async () => {
  const { exitCode, stdout, stderr } = await haet(["it's mine", '--template', 'shell']);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  expect(stdout.split('\n')).toEqual([
    `${folder.path}/it's mine: README.md, haet.json, predict.sh, train.sh`,
    '  it needs a POSIX shell; README.md says what to change',
    'Next:',
    "  cd 'it'\\''s mine'",
    '  haet check .',
    '  haet dry-run --entry . --budget 30',
  ]);
  expect(await manifestIn("it's mine")).toMatchObject({ name: "it's mine", team: 'my team' });
  const pasted = stdout.split('\n').find((line) => line.includes('cd '));
  expect((await execa('sh', ['-c', `${pasted} && pwd`], { cwd: folder.path })).stdout).toContain("it's mine");
});

test('started by npx, prints commands that do not leave the current folder, where npx finds haet', async () => {
  const { stdout } = await haet(['./-odd', '--template', 'shell'], {
    env: { npm_command: 'exec' },
  });
  expect(stdout).toContain('Next:\n  npx haet check ./-odd\n  npx haet dry-run --entry ./-odd --budget 30');
});

test('in the current folder, prints no cd; with --json, the last line is the result', async () => {
  await mkdir(join(folder.path, 'here'));
  const words = ['.', '--template', 'numpy', '--team', 'Ω "team"', '--json'];
  const { stdout, stderr } = await haet(words, { cwd: join(folder.path, 'here') });
  expect(stderr).toContain('Next:\n  haet check .\n');
  expect(JSON.parse(stdout)).toEqual({
    folder: join(folder.path, 'here'),
    template: 'numpy',
    name: 'here',
    team: 'Ω "team"',
    files: ['README.md', 'features.py', 'haet.json', 'predict.py', 'train.py'],
  });
  expect(await manifestIn('here')).toMatchObject({ name: 'here', team: 'Ω "team"' });
});

test.each([
  [['x'], '--template: is missing. Give one of pytorch, numpy, tensorflowjs, shell'],
  [['x', '--template', 'toString'], '--template toString: there is no such template. Give one of pytorch'],
  [['x', '--template', 'shell', '--team', ' '], '--team  : '],
  [['', '--template', 'shell'], 'DIR is empty'],
  [['full', '--template', 'shell'], 'DIR full: exists and is not empty (1 entries, such as thesis.txt)'],
  [['full/thesis.txt', '--template', 'shell'], 'DIR full/thesis.txt: exists and is not a folder'],
  [['full/thesis.txt/x', '--template', 'shell'], 'DIR full/thesis.txt/x: exists and is not a folder'],
])('%j is refused with one sentence, and nothing is written', async (words, sentence) => {
  await mkdir(join(folder.path, 'full'));
  await writeFile(join(folder.path, 'full/thesis.txt'), 'mine');
  const { exitCode, stdout, stderr } = await haet(words);
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
  expect(stderr).toContain(`haet: ${sentence}`);
  expect(stderr.split('\n')).toHaveLength(1);
  expect(await readdir(folder.path, { recursive: true })).toEqual(['full', 'full/thesis.txt']);
  expect(await readFile(join(folder.path, 'full/thesis.txt'), 'utf8')).toBe('mine');
});

test('help describes every template', async () => {
  const { stdout } = await haet(['--help']);
  for (const name of templateNames) expect(stdout).toMatch(new RegExp(`^  ${name} +\\w.*; needs \\w`, 'm'));
});
