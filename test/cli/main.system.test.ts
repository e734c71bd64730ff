import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { execa } from 'execa';
import { commandList } from '../../cli/commandList.ts';
import { temporaryFolder } from '../datasets/temporaryFolder.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = temporaryFolder();
const haet = (words: readonly string[], env: Record<string, string> = {}) =>
  execa(process.execPath, [join(root, 'cli/bin.mjs'), ...words], { reject: false, cwd: folder.path, env });
/** Help is wrapped to the width of the terminal. */
const unwrapped = (text: string) => text.replace(/\s+/g, ' ').trim();

/** Returns what Node loads for these arguments: modules of cli/ by their path, packages by their name. */
async function loadedBy(...words: string[]): Promise<{ cli: string[]; packages: string[] }> {
  const folderOfReport = join(folder.path, 'coverage');
  await haet(words, { NODE_V8_COVERAGE: folderOfReport });
  const [file] = await readdir(folderOfReport);
  const { result } = JSON.parse(await readFile(join(folderOfReport, file!), 'utf8')) as {
    result: { url: string }[];
  };
  const found = (pattern: RegExp) => [...new Set(result.flatMap(({ url }) => pattern.exec(url)?.[1] ?? []))];
  return {
    cli: found(/\/dist\/cli\/(.*)\.js$/).sort(),
    packages: found(/\/node_modules\/((?:@[^/]+\/)?[^/]+)/),
  };
}

/** The commands for people. */
const listed = commandList.filter(({ hidden }) => !hidden);

test('help lists every command with its description, in order, and loads none of them', async () => {
  const { stdout, exitCode } = await haet(['--help']);
  expect(exitCode).toBe(0);
  const list = listed.map(({ name, description }) => `${name} ${description}`);
  expect(unwrapped(stdout.split('Commands:')[1]!)).toBe([...list, 'help display help for command'].join(' '));
  expect(listed.map(({ name }) => name).join(' ')).toBe(
    'init dry-run study pack check grade rejudge export official score audit data seal setup check-machine verify self-test',
  );
  expect(await loadedBy('--help')).toEqual({
    cli: ['commandList', 'main', 'reportError', 'terminal'],
    packages: ['commander'],
  });
});

test.each(listed)('$name --help and help $name print the same help, with an example', async (command) => {
  const { name, description } = command;
  const { stdout, stderr, exitCode } = await haet([name, '--help']);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  expect(unwrapped(stdout)).toContain(description);
  expect(stdout).toMatch(/\nExamples?:\n {2}\$ /);
  expect((await haet(['help', name])).stdout).toBe(stdout);
});

test('help of a subcommand shows its options', async () => {
  expect((await haet(['data', 'make', '--help'])).stdout).toContain('--train-per-class <n>');
  expect((await haet(['data', 'help', 'make'])).stdout).toContain('--train-per-class <n>');
  expect((await haet(['seal', 'keygen', '--help'])).stdout).toContain('--out <file>');
});

test.each([
  ['dry-run', 'dryRun', ['@observablehq/plot', 'sharp']],
  ['study', 'study', ['@observablehq/plot', 'sharp']],
  ['grade', 'grade', ['@observablehq/plot', 'sharp']],
  ['official', 'official', ['@observablehq/plot', 'sharp']],
  ['score', 'score', ['@observablehq/plot', 'sharp']],
  ['data', 'data/', ['sharp']],
  ['verify', 'verify', ['execa']],
  ['export', 'export', ['execa', 'tar']],
  ['rejudge', 'rejudge', ['execa', 'tar']],
])(
  '%s --help loads no other command, and nothing that only its action needs',
  async (name, file, notNeeded) => {
    const { cli, packages } = await loadedBy(name, '--help');
    const commands = cli.filter((path) => path.startsWith('commands/'));
    expect(commands).not.toEqual([]);
    expect(commands.filter((path) => !path.startsWith(`commands/${file}`))).toEqual([]);
    expect(packages.filter((each) => notNeeded.includes(each))).toEqual([]);
  },
);

test.each([
  ['a mistyped command', ['chek'], "haet: unknown command 'chek'\n(Did you mean check?)"],
  ['a mistyped subcommand', ['data', 'mak'], "haet: unknown command 'mak'\n(Did you mean make?)"],
  ['a mistyped option', ['check', 'x', '--jsn'], "haet: unknown option '--jsn'\n(Did you mean --json?)"],
  ['a missing argument', ['check'], "haet: missing required argument 'entry'"],
])('%s: prints one sentence and how to get help, with status 2', async (_, words, sentence) => {
  const { exitCode, stdout, stderr } = await haet(words);
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
  expect(stderr).toBe(`${sentence}\n(see --help for options and an example)`);
});
