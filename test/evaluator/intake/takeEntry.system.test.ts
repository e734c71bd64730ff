import { createHash } from 'node:crypto';
import { readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { beforeAll, expect, test } from '@jest/globals';
import { loadEntry } from '../../../evaluator/intake/loadEntry.ts';
import { packEntry } from '../../../evaluator/intake/packEntry.ts';
import { hashArchive, takeEntry } from '../../../evaluator/intake/takeEntry.ts';
import { runEntry } from '../../../evaluator/run/runEntry.ts';
import { createProcessSandbox } from '../../../evaluator/sandbox/process/process.ts';
import { zipBytes } from '../../../evaluator/selfTest/zipBytes.ts';
import { type EntryScripts, folderWithTrack, machine, makeEntry, type TinyTrack } from '../fixtures.ts';
import { tarBytes } from './tarBytes.ts';

let folder: string;
let track: TinyTrack;
beforeAll(async () => {
  ({ folder, track } = await folderWithTrack());
});

let runs = 0;
async function run(entryPath: string) {
  const runsFolder = join(folder, `runs${++runs}`);
  const record = await runEntry(
    { entryPath, track, runsFolder, seed: 1, machine, limits: { trainSeconds: 20, predictSeconds: 20 } },
    await createProcessSandbox(),
  );
  return { record, runsFolder };
}

async function packed(name: string, scripts: EntryScripts = {}): Promise<string> {
  const archive = join(folder, `${name}.tar.gz`);
  await packEntry(await makeEntry(folder, scripts), archive);
  return archive;
}

const sha256 = async (path: string) =>
  createHash('sha256')
    .update(await readFile(path))
    .digest('hex');

test('an entry from its archive equals the one from its folder', async () => {
  const entry = await makeEntry(folder);
  const archive = join(folder, 'same.tar.gz');
  await packEntry(entry, archive);
  const ofFolder = await takeEntry(entry, join(folder, 'never-made'));
  expect(ofFolder).toEqual(await loadEntry(entry));
  const into = join(folder, 'new/place');
  expect(await takeEntry(archive, into)).toEqual({ ...ofFolder, folder: into });
  expect(await readdir(into)).toEqual(await readdir(entry));
  expect(await readdir(folder)).not.toContain('never-made');
});

test('only a regular file has an archive hash', async () => {
  const archive = await packed('hashed');
  expect(await hashArchive(archive)).toBe(await sha256(archive));
  expect(await hashArchive(folder)).toBeNull();
  expect(await hashArchive(join(folder, 'nowhere'))).toBeNull();
});

test('a rejected haet.json is named by its archive, and leaves nothing', async () => {
  const archive = join(folder, 'bad.tar');
  await writeFile(archive, tarBytes({ path: 'haet.json', data: '{"schemaVersion": 2}' }));
  const into = join(folder, 'refused');
  await expect(takeEntry(archive, into)).rejects.toThrow(`${archive}/haet.json: `);
  expect(await readdir(folder)).not.toContain('refused');
});

test('an archive is run like its folder; the record names it and no copy of it remains', async () => {
  const archive = await packed('good', { train: 'pwd > "$HAET_OUT_DIR/model"' });
  const { record, runsFolder } = await run(archive);
  expect(record).toMatchObject({
    verdict: 'SCORED',
    score: { correct: 100 },
    entry: { name: 'Fixture', path: archive },
    archiveSha256: await sha256(archive),
  });
  expect(await readFile(join(record.folder, 'model/model'), 'utf8')).toBe(`${record.folder}/entry\n`);
  expect(await readdir(record.folder)).not.toContain('entry');
  expect(await readdir(runsFolder)).toEqual([record.runId]);
});

test('a zip from Windows, with a folder around the entry and behind a link, is run like the folder', async () => {
  const entry = await makeEntry(folder);
  const names = await readdir(entry);
  const members = names.map(async (name) => ({
    ...{ path: `My entry\\${name}`, host: 0, mode: 0, flags: 0 },
    data: await readFile(join(entry, name)),
  }));
  await writeFile(join(folder, 'windows.zip'), zipBytes(...(await Promise.all(members))));
  await symlink('windows.zip', join(folder, 'link.zip'));
  const { record } = await run(join(folder, 'link.zip'));
  expect(record).toMatchObject({
    verdict: 'SCORED',
    entry: { sha256: (await loadEntry(entry)).sha256 },
    archiveSha256: await sha256(join(folder, 'windows.zip')),
  });
});

test('the record of an entry from a folder names no archive', async () => {
  const entry = await makeEntry(folder);
  expect((await run(entry)).record).toMatchObject({ entry: { path: entry }, archiveSha256: null });
  expect(await readdir(entry)).toContain('haet.json');
});

test.each([
  [
    'member with a link',
    tarBytes(
      { path: 'haet.json', data: '{}' },
      { path: 'answers', type: 'SymbolicLink', linkpath: '/etc/passwd' },
    ),
    'member "answers" is a SymbolicLink',
  ],
  ['haet.json that is not JSON', tarBytes({ path: 'haet.json', data: 'no' }), 'haet.json: not JSON'],
  ['content that is not an archive', Buffer.from('not an archive'), 'archive'],
])('an archive with a %s is rejected in a record with reason and owner', async (title, bytes, why) => {
  const archive = join(folder, `${title}.tar`);
  await writeFile(archive, bytes);
  const { record, runsFolder } = await run(archive);
  expect(record).toMatchObject({
    verdict: 'REJECTED_ARCHIVE',
    entry: null,
    score: null,
    stages: [],
    archiveSha256: await sha256(archive),
  });
  expect(record.evidence).toHaveLength(1);
  expect(record.evidence[0]).toContain(why);
  expect(record.evidence[0]!.startsWith(basename(archive))).toBe(true);
  expect(record.evidence[0]).not.toContain(folder);
  expect(record.evidence[0]).not.toContain('.entry-');
  expect(await readdir(runsFolder)).toEqual([record.runId]);
});

test("if the run's folder cannot be created, it is a fault of the machine", async () => {
  const inTheWay = join(folder, 'file');
  await writeFile(inTheWay, '');
  const record = await runEntry(
    { entryPath: await packed('unlucky'), track, runsFolder: join(inTheWay, 'runs'), seed: 1, machine },
    await createProcessSandbox(),
  );
  expect(record).toMatchObject({ verdict: 'INFRA_FAULT', entry: null, stages: [] });
});
