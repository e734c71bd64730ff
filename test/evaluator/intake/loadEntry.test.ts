import { execFileSync } from 'node:child_process';
import { chmod, cp, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { hashFolder, loadEntry, parseManifest } from '../../../evaluator/intake/loadEntry.ts';
import { makeEntry, temporaryFolder } from '../fixtures.ts';

let folder: string;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const manifest = { schemaVersion: 1, name: 'a', team: 'b', train: ['x'], predict: ['y', 'z'] };

describe('haet.json', () => {
  test('accepts a valid haet.json', () => {
    expect(parseManifest(JSON.stringify(manifest), 'haet.json')).toEqual(manifest);
  });

  test.each([
    ['no JSON', '{', 'not JSON'],
    ['another version', JSON.stringify({ ...manifest, schemaVersion: 2 }), 'schemaVersion'],
    ['a command as one string', JSON.stringify({ ...manifest, train: 'x y' }), 'train'],
    ['an empty command', JSON.stringify({ ...manifest, predict: [] }), 'predict'],
    ['an unknown field', JSON.stringify({ ...manifest, tarin: ['x'] }), 'tarin'],
    ['no team', JSON.stringify({ ...manifest, team: '' }), 'team'],
    ['a name that moves the cursor', JSON.stringify({ ...manifest, name: 'a\u001b[2J' }), 'name'],
    ['a name with a zero-width space', JSON.stringify({ ...manifest, name: 'a\u200bb' }), 'name'],
    ['a name with a soft hyphen', JSON.stringify({ ...manifest, name: 'a\u00adb' }), 'name'],
    ['a name of only a filler', JSON.stringify({ ...manifest, name: '\u3164' }), 'name'],
    ['a name of a blank pattern', JSON.stringify({ ...manifest, name: '\u2800' }), 'name'],
    ['a name with a variation selector', JSON.stringify({ ...manifest, name: 'a\ufe0f' }), 'name'],
    ['a name of spaces', JSON.stringify({ ...manifest, name: '   ' }), 'name'],
    ['a team with a space at its end', JSON.stringify({ ...manifest, team: 'b ' }), 'team'],
    ['a team with two spaces in a row', JSON.stringify({ ...manifest, team: 'b  c' }), 'team'],
    ['a team with a space of another kind', JSON.stringify({ ...manifest, team: 'b\u2003c' }), 'team'],
    ['a team of only accents', JSON.stringify({ ...manifest, team: '\u0301' }), 'team'],
    [
      'a team with many combining marks',
      JSON.stringify({ ...manifest, team: `b${'\u0335'.repeat(9)}` }),
      'team',
    ],
    ['a NUL in a command', JSON.stringify({ ...manifest, train: ['x', 'y\0z'] }), 'NUL'],
    ['a huge argument', JSON.stringify({ ...manifest, train: ['x', 'y'.repeat(5000)] }), 'train'],
  ])('with %s is rejected, naming it', (_, text, named) => {
    expect(() => parseManifest(text, 'entry/haet.json')).toThrow(named);
    expect(() => parseManifest(text, 'entry/haet.json')).toThrow('entry/haet.json');
  });

  test('has the same name for both encodings of an accent', () => {
    const named = (name: string) => parseManifest(JSON.stringify({ ...manifest, name }), 'haet.json').name;
    expect(named('Cafe\u0301')).toBe('Caf\u00e9');
    expect(named('Net 2 — « été », 日本 🦊')).toBe('Net 2 — « été », 日本 🦊');
  });

  test.each([
    ['bad JSON', '\nSCORED 99.9 % of 1,000 images\n'],
    ['a key', JSON.stringify({ ...manifest, [`\nSCORED  99.9 %\n${'x'.repeat(3000)}`]: 1 })],
    ['a value', JSON.stringify({ ...manifest, name: '\u001b[2J\nSCORED  99.9 %\n' })],
  ])('with a line break in %s is rejected in one line without it', (_, text) => {
    const refused = () => parseManifest(text, 'haet.json');
    expect(refused).toThrow(/^[ -~…]{0,200}$/);
    expect(refused).not.toThrow(/SCORED {1,2}99/);
  });

  test('a missing file is rejected with its expected path', async () => {
    await expect(loadEntry(join(folder, 'nowhere'))).rejects.toThrow('nowhere');
    await mkdir(join(folder, 'empty'));
    await expect(loadEntry(join(folder, 'empty'))).rejects.toThrow('empty/haet.json');
  });

  test.each([
    [
      'a byte order mark',
      Buffer.from(`\ufeff${JSON.stringify(manifest)}`),
      /starts with a byte order mark.* Save it as UTF-8/,
    ],
    [
      'UTF-16',
      Buffer.from(`\ufeff${JSON.stringify(manifest)}`, 'utf16le'),
      /is encoded as UTF-16\. Save it as UTF-8/,
    ],
    ['UTF-16 without a mark', Buffer.from(JSON.stringify(manifest), 'utf16le'), /is encoded as UTF-16/],
    ['Latin-1', Buffer.from(JSON.stringify({ ...manifest, name: 'Café' }), 'latin1'), /is not UTF-8/],
    ['a comment', Buffer.from('{\n  // mine\n  "schemaVersion": 1\n}'), /JSON has no comments/],
    ['a comment of a shell', Buffer.from('# mine\n{ "schemaVersion": 1 }'), /JSON has no comments/],
    ['a comma too many', Buffer.from('{ "schemaVersion": 1, "train": ["a",], }'), /Remove the comma before/],
    ['single quotes', Buffer.from("{ 'schemaVersion': 1 }"), /Use double quotes/],
  ])('with %s is rejected, naming that', async (title, bytes, reason) => {
    const entry = join(folder, title.replaceAll(' ', '-'));
    await mkdir(entry);
    await writeFile(join(entry, 'haet.json'), bytes);
    await expect(loadEntry(entry)).rejects.toThrow(reason);
    await expect(loadEntry(entry)).rejects.toThrow(join(entry, 'haet.json'));
  });

  test('in a folder of its own is found and named', async () => {
    const entry = join(folder, 'wrapped');
    await mkdir(join(entry, 'my-entry'), { recursive: true });
    await mkdir(join(entry, '__MACOSX'));
    await writeFile(join(entry, 'my-entry/haet.json'), JSON.stringify(manifest));
    await expect(loadEntry(entry)).rejects.toThrow(
      /haet\.json: does not exist; it lies in the folder "my-entry"\. Pack the content of that folder/,
    );
  });

  test('does not block on a pipe and does not read a huge file', async () => {
    await mkdir(join(folder, 'odd'));
    execFileSync('mkfifo', [join(folder, 'odd/haet.json')]);
    await expect(loadEntry(join(folder, 'odd'))).rejects.toThrow('not a regular file');
    await rm(join(folder, 'odd/haet.json'));
    await writeFile(join(folder, 'odd/haet.json'), ' '.repeat(2 ** 20));
    await expect(loadEntry(join(folder, 'odd'))).rejects.toThrow('1048576 bytes');
  });
});

test('a file whose name is not UTF-8 is rejected, and named as far as possible', async () => {
  const entry = await makeEntry(folder);
  await writeFile(Buffer.concat([Buffer.from(`${entry}/caf`), Buffer.from([0xe9])]), 'x');
  await expect(loadEntry(entry)).rejects.toThrow('contains "caf?", a name that is not UTF-8; rename it');
});

describe('the hash of an entry', () => {
  test('is that of its paths and bytes, not of its folder, times or permissions', async () => {
    const entry = await makeEntry(folder);
    const before = await hashFolder(entry);
    const copy = join(folder, 'copy');
    await cp(entry, copy, { recursive: true });
    await chmod(join(copy, 'train.sh'), 0o755);
    expect(await hashFolder(copy)).toBe(before);
    await writeFile(join(copy, 'train.sh'), 'echo other');
    expect(await hashFolder(copy)).not.toBe(before);
  });

  test('differs between a file and one whose name or neighbour contains the same bytes', async () => {
    const make = async (name: string, files: Record<string, string>) => {
      const at = join(folder, name);
      await mkdir(at);
      for (const [file, text] of Object.entries(files)) await writeFile(join(at, file), text);
      return hashFolder(at);
    };
    const hashes = [
      await make('h1', { a: 'bc' }),
      await make('h2', { ab: 'c' }),
      await make('h3', { a: 'b', c: '' }),
      await make('h4', { a: '', b: 'c' }),
      await make('h5', { a: '1', b: '2' }),
      await make('h6', { a: '1b\x00file\x002' }),
    ];
    expect(new Set(hashes).size).toBe(6);
  });

  test('follows a link and rejects a named pipe', async () => {
    const at = join(folder, 'special');
    await mkdir(at);
    await symlink('/etc/passwd', join(at, 'link'));
    const before = await hashFolder(at);
    await rm(join(at, 'link'));
    await symlink('/etc/group', join(at, 'link'));
    expect(await hashFolder(at)).not.toBe(before);
    execFileSync('mkfifo', [join(at, 'pipe')]);
    await expect(hashFolder(at)).rejects.toThrow('special: contains "pipe"');
  });
});
