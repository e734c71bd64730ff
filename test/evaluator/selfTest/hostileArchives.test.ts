import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { checkArchive } from '../../../evaluator/intake/packEntry.ts';
import { archiveNames, hostileArchive } from '../../../evaluator/selfTest/hostileArchives.ts';
import { type Member, tarBytes } from '../../../evaluator/selfTest/tarBytes.ts';
import { zipBytes } from '../../../evaluator/selfTest/zipBytes.ts';
import { temporaryFolder } from '../fixtures.ts';

let folder: string;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const manifest = { schemaVersion: 1, name: 'a', team: 'b', train: ['x'], predict: ['y'] };
const entry: Member[] = [{ path: 'haet.json', data: JSON.stringify(manifest) }];

async function take(bytes: Buffer): Promise<string> {
  const archive = join(folder, 'entry.tar');
  await writeFile(archive, bytes);
  return checkArchive(archive).then(
    () => 'taken',
    (error: Error) => error.message,
  );
}

test('an archive of only the entry is accepted, so that intake rejects the hostile part', async () => {
  expect(await take(tarBytes(...entry))).toBe('taken');
  expect(await take(zipBytes(...entry))).toBe('taken');
});

test.each(archiveNames)('%s is rejected', async (name) => {
  expect(await take(hostileArchive(name, entry))).not.toBe('taken');
});
