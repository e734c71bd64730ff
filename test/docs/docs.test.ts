import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { commandList } from '../../cli/commandList.ts';
import { formatMarkdown, markdownFiles } from '../../scripts/markdown.mjs';
import { defaultSettings } from '../../submission/settings.ts';

const project = fileURLToPath(new URL('../../', import.meta.url));
const read = (path: string) => readFileSync(join(project, path), 'utf8');
const files = markdownFiles().filter((path) => existsSync(join(project, path)));
const scripts = Object.keys(JSON.parse(read('package.json')).scripts);
const commands = commandList.map(({ name }) => name);

const withoutFences = (text: string) => text.replace(/^```.*?^```/gms, '');
const withoutCode = (text: string) => withoutFences(text).replace(/`[^`]*`/g, '');

/** Returns the targets of all links and images of a page. */
function links(text: string): string[] {
  return [...withoutCode(text).matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1]!);
}

/** Returns the anchors that GitHub gives the headings of a page. */
function anchors(text: string): string[] {
  return [...withoutFences(text).matchAll(/^#+ (.*)$/gm)].map((match) =>
    match[1]!
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** Returns what is wrong with a link of the page at `path`; null if it is valid. */
function linkFault(path: string, link: string): string | null {
  if (/^[a-z]+:/.test(link)) return null;
  const [file = '', anchor] = link.split('#');
  const target = file === '' ? path : join(dirname(path), decodeURIComponent(file));
  if (!existsSync(join(project, target))) return `${path}: no file ${target}`;
  if (anchor === undefined || anchors(read(target)).includes(anchor)) return null;
  return `${path}: ${target} has no heading #${anchor}`;
}

/** Returns what is wrong with a command that a page names; null if it is valid. */
function commandFault(command: string): string | null {
  const [program = '', ...words] = command.split(' ');
  const [first = ''] = words;
  if (program === 'npm') {
    const script = first === 'run' ? words[1]! : first;
    return scripts.includes(script) ? null : `no script ${script}: ${command}`;
  }
  if (program === 'npx') return first === 'haet' ? commandFault(words.join(' ')) : `not ours: ${command}`;
  if (program === 'haet') return commands.includes(first) ? null : `no command ${first}: ${command}`;
  const paths = [program, ...words].filter((word) => word.includes('/'));
  const missing = paths.filter((path) => !existsSync(join(project, path)));
  return paths.length > 0 && missing.length === 0 ? null : `no file ${missing}: ${command}`;
}

test.each(files)('%s is formatted as by `npm run docs`', async (path) => {
  expect(read(path)).toBe(await formatMarkdown(read(path)));
});

test('relative links point to existing files and headings', () => {
  const faults = files.flatMap((path) => links(read(path)).map((link) => linkFault(path, link)));
  expect(faults.filter((fault) => fault !== null)).toEqual([]);
});

test('every picture and plot in docs/ is shown on a page', () => {
  const shown = files.flatMap((path) => links(read(path)).map((link) => join(dirname(path), link)));
  const pictures = readdirSync(join(project, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(png|svg)$/.test(name))
    .map((name) => join('docs', name));
  expect(pictures.length).toBeGreaterThan(0);
  expect(pictures.filter((picture) => !shown.includes(picture))).toEqual([]);
});

test('README.md has at most 150 lines', () => {
  expect(read('README.md').split('\n').length).toBeLessThanOrEqual(150);
});

test('docs/claims.md gives every claim a command that exists', () => {
  const rows = read('docs/claims.md').match(/^\| (?!Claim|---).*$/gm)!;
  expect(rows.length).toBeGreaterThan(10);
  const faults = rows.map((row) => {
    const command = /`([^`]+)`/.exec(row.split(' | ')[1]!)?.[1];
    return command === undefined ? `no command: ${row}` : commandFault(command);
  });
  expect(faults.filter((fault) => fault !== null)).toEqual([]);
});

test('every npm script and haet command that a page names exists', () => {
  const named = files.flatMap((path) => read(path).match(/\b(npm run [a-z:-]+|npx haet [a-z-]+)/g) ?? []);
  expect(named.length).toBeGreaterThan(10);
  expect(named.map(commandFault).filter((fault) => fault !== null)).toEqual([]);
});

describe('docs/recipe.md', () => {
  const settings = [...read('docs/recipe.md').matchAll(/`(\w+) = ([^`]+)`/g)].map((match) => ({
    name: match[1] as keyof typeof defaultSettings,
    value: match[2]!,
  }));

  test('names the default values of the submission', () => {
    expect(settings.length).toBeGreaterThan(10);
    for (const { name, value } of settings)
      expect(`${name} = ${defaultSettings[name]}`).toBe(`${name} = ${value}`);
  });
});
