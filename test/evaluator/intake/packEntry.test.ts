import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { loadEntry } from '../../../evaluator/intake/loadEntry.ts';
import { checkArchive, checkFolder, packEntry } from '../../../evaluator/intake/packEntry.ts';
import { unpackArchive } from '../../../evaluator/intake/unpackArchive.ts';
import { temporaryFolder } from '../fixtures.ts';

let folder: string;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const manifest = JSON.stringify({ schemaVersion: 1, name: 'a', team: 'b', train: ['x'], predict: ['y'] });

function entryOf(files: Record<string, string | Uint8Array>): string {
  const entry = mkdtempSync(join(folder, 'entry-'));
  for (const [path, data] of Object.entries({ 'haet.json': manifest, ...files })) {
    mkdirSync(dirname(join(entry, path)), { recursive: true });
    writeFileSync(join(entry, path), data);
  }
  return entry;
}

test('packed files are unpacked unchanged, whatever they contain', async () => {
  const name = fc
    .stringMatching(/^[a-z@. -]{1,8}$/)
    .filter((text) => !/^\.+$/.test(text) && text !== 'haet.json');
  const files = fc.dictionary(
    fc.tuple(name, name).map((parts) => parts.join('/')),
    fc.uint8Array({ maxLength: 2000 }),
    { maxKeys: 4, noNullPrototype: true },
  );
  await fc.assert(
    fc.asyncProperty(files, async (contents) => {
      const entry = entryOf(contents);
      await packEntry(entry, `${entry}.tar.gz`);
      await unpackArchive(`${entry}.tar.gz`, `${entry}-out`);
      expect((await loadEntry(`${entry}-out`)).sha256).toBe((await loadEntry(entry)).sha256);
    }),
    { numRuns: 30 },
  );
});

test('the same files give the same bytes, whatever their times and folder', async () => {
  const [one, other] = [entryOf({ 'b.py': '1', 'a.py': '2' }), entryOf({ 'a.py': '2', 'b.py': '1' })];
  utimesSync(join(other, 'a.py'), 1, 1);
  await packEntry(one, `${one}.tar.gz`);
  await packEntry(other, `${other}.tar.gz`);
  expect(readFileSync(`${one}.tar.gz`).equals(readFileSync(`${other}.tar.gz`))).toBe(true);
});

test('skips VCS files, caches and the archive itself', async () => {
  const entry = entryOf({ '.git/config': '', 'code/__pycache__/x.pyc': '', 'code/x.py': '' });
  const { files } = await packEntry(entry, join(entry, 'entry.tar.gz'));
  expect(files).toEqual(['code/x.py', 'haet.json']);
  expect((await packEntry(entry, join(entry, 'entry.tar.gz'))).files).toEqual(files);
});

test('a folder that intake would reject is rejected at once, and leaves no archive', async () => {
  const clash = entryOf({ 'a.py': '', 'A.py': '' });
  await expect(packEntry(clash, `${clash}.tar.gz`)).rejects.toThrow('is the same as');
  const linked = entryOf({});
  symlinkSync('/etc/passwd', join(linked, 'words'));
  await expect(packEntry(linked, `${linked}.tar.gz`)).rejects.toThrow('words: only regular files');
  const left = readdirSync(folder).filter((name) => /clash|part$/.test(name));
  expect(left).toEqual([]);
});

test('an archive without haet.json is rejected by its own name', async () => {
  const entry = entryOf({ 'code.py': '' });
  await packEntry(entry, `${entry}.tar.gz`);
  await expect(checkArchive(`${entry}.tar.gz`)).resolves.toMatchObject({ manifest: { name: 'a' } });
  await expect(packEntry(entry, '/nowhere/entry.tar.gz')).rejects.toThrow(
    '/nowhere/entry.tar.gz: cannot be written',
  );
});

test.each<[string, (entry: string) => void, RegExp]>([
  [
    'a link',
    (entry) => symlinkSync('haet.json', join(entry, 'link')),
    /link: only regular files can be packed/,
  ],
  [
    'two names that differ only in case',
    (entry) => {
      for (const name of ['a.py', 'A.py']) writeFileSync(join(entry, name), '');
    },
    /member "\.\/a\.py" is the same as "A\.py"/,
  ],
  [
    'a backslash in a name',
    (entry) => writeFileSync(join(entry, 'src\\a.py'), ''),
    /has a backslash in its name/,
  ],
])('checking a folder rejects %s as packing it does', async (_, spoil, reason) => {
  const entry = entryOf({});
  spoil(entry);
  await expect(checkFolder(entry)).rejects.toThrow(reason);
  await expect(packEntry(entry, `${entry}.tar.gz`)).rejects.toThrow(reason);
});

test('checking a folder and its archive say the same', async () => {
  const entry = entryOf({ 'code/x.py': '1', '.git/config': '' });
  const packed = await packEntry(entry, `${entry}.tar.gz`);
  const { files, folder: _, ...rest } = packed;
  expect(files).toEqual(['code/x.py', 'haet.json']);
  expect(await checkFolder(entry)).toEqual(rest);
  expect(await checkArchive(`${entry}.tar.gz`)).toEqual(rest);
});

test('commands that probably do not work are named', async () => {
  const entry = entryOf({
    'haet.json': manifest.replace('["x"]', '["python","t.py"]').replace('["y"]', '["./none.sh"]'),
  });
  expect((await checkFolder(entry)).doubts).toEqual([
    'train: python is not on every machine; name python3',
    'train: "t.py" is not in the entry',
    'predict: "./none.sh" is not in the entry',
  ]);
});
