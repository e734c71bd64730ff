import { existsSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { listFiles } from '../../../evaluator/intake/loadEntry.ts';
import { unpackEntry } from '../../../evaluator/intake/takeEntry.ts';
import { tarBytes } from '../../../evaluator/selfTest/tarBytes.ts';
import { zipBytes } from '../../../evaluator/selfTest/zipBytes.ts';
import { temporaryFolder } from '../fixtures.ts';

let folder: string;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const data = JSON.stringify({ schemaVersion: 1, name: 'a', team: 'b', train: ['x'], predict: ['y'] });
type Files = readonly { readonly path: string; readonly data?: string }[];
const forms = [
  ['tar.gz', (files: Files) => gzipSync(tarBytes(...files))],
  ['zip', (files: Files) => zipBytes(...files)],
] as const;

async function unpack(bytes: Buffer) {
  const archive = join(folder, 'entry');
  const into = join(folder, 'unpacked');
  writeFileSync(archive, bytes);
  try {
    const { sha256 } = await unpackEntry(archive, into);
    return { sha256, files: await listFiles(into) };
  } catch (error) {
    expect(existsSync(into)).toBe(false);
    return { message: (error as Error).message };
  } finally {
    await rm(into, { recursive: true, force: true });
  }
}

test.each(forms)('a folder around the entry is taken off (%s)', async (_, archiveOf) => {
  const entry = [
    { path: 'haet.json', data },
    { path: 'code/x.py', data: '1' },
  ];
  const bare = await unpack(archiveOf(entry));
  expect(bare.files).toEqual(['code/x.py', 'haet.json']);
  const inner = entry.map((file) => ({ ...file, path: `My entry/${file.path}` }));
  expect(await unpack(archiveOf(inner))).toEqual(bare);
  const fromFinder = [...inner, { path: 'My entry/.DS_Store' }, { path: '__MACOSX/My entry/._haet.json' }];
  expect(await unpack(archiveOf(fromFinder))).toEqual(bare);
});

test.each(forms)(
  'two folders, or a file beside the folder, are not guessed at (%s)',
  async (_, archiveOf) => {
    const twice = await unpack(archiveOf([{ path: 'a/b/haet.json', data }]));
    expect(twice.message).toContain('haet.json: cannot be read (ENOENT)');
    const beside = await unpack(archiveOf([{ path: 'a/haet.json', data }, { path: 'notes.txt' }]));
    expect(beside.message).toContain('it lies in the folder "a"');
    const two = await unpack(
      archiveOf([
        { path: 'a/haet.json', data },
        { path: 'b/haet.json', data },
      ]),
    );
    expect(two.message).toContain('cannot be read');
  },
);
