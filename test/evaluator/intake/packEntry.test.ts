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
import { checkArchive, packEntry } from '../../../evaluator/intake/packEntry.ts';
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
