import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from '@jest/globals';
import { UserError } from '../../../datasets/userError.ts';
import { requireNotShown } from '../../../evaluator/sandbox/requireNotShown.ts';
import { temporaryFolder } from '../fixtures.ts';

let folder: string;
const at = (...names: string[]) => join(folder, ...names);
beforeAll(async () => {
  folder = await temporaryFolder();
  for (const name of ['shown/deep', 'shown-beside', 'entry']) await mkdir(at(name), { recursive: true });
  await writeFile(at('archive.tar'), '');
  await symlink(at('shown/deep'), at('link'));
  await symlink(at('shown'), at('link-to-shown'));
});

const fenced = (...shown: string[]) => ({
  fenced: true,
  shows: shown.map((name) => ({ host: at(name), inside: '/x' })),
});

test.each([
  ['is the visible folder', 'shown'],
  ['lies below it', 'shown/deep'],
  ['would be created below it', 'shown/not/yet/there'],
  ['is a link to it', 'link'],
  ['would be created behind a link to it', 'link/not-yet'],
])('a secret that %s is rejected by its name', (_, secret) => {
  const refused = () => requireNotShown(fenced('shown'), { '--identity': at(secret) });
  expect(refused).toThrow(UserError);
  expect(refused).toThrow(
    `--identity ${at(secret)} lies in ${at('shown')}, which every entry can read. Move it elsewhere.`,
  );
});

test('a secret below a folder that is visible through a link is rejected', () => {
  expect(() => requireNotShown(fenced('link-to-shown'), { '--out': at('shown/out') })).toThrow(/--out/);
});

test("an entry's folder is visible as it is, an archive is not", () => {
  const track = { '--track': at('entry/track') };
  expect(() => requireNotShown(fenced(), track, at('entry'))).toThrow(/--track .* lies in .*entry/);
  expect(() => requireNotShown(fenced(), { '--track': at('archive.tar') }, at('archive.tar'))).not.toThrow();
});

test('paths above or beside are accepted, and so are all paths without isolation of files', () => {
  const secrets = { '--track': folder, '--out': at('shown-beside/out'), '--identity': undefined };
  expect(() => requireNotShown(fenced('shown'), secrets, at('entry'))).not.toThrow();
  expect(() => requireNotShown({ fenced: false }, { '--out': at('entry') }, at('entry'))).not.toThrow();
});
