import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { teamKey, tooManyOfTeam } from '../../../evaluator/grade/perTeam.ts';
import { hashFile } from '../../../evaluator/intake/hashFile.ts';
import { packEntry } from '../../../evaluator/intake/packEntry.ts';
import { makeEntry, temporaryFolder } from '../fixtures.ts';

test.each([
  ['Cats & Co', ' cats  &\u00a0CO '],
  ['Straße', 'STRASSE'],
  ['Ｔｅａｍ', 'team'],
  ['Team', 'Te\u200bam\u2060'],
  ['é', 'e\u0301'],
])('%s and %s are one team', (one, other) => {
  expect(teamKey(one)).toBe(teamKey(other));
});

test('other names are other teams', () => {
  expect(teamKey('Team 1')).not.toBe(teamKey('Team 11'));
});

test('earlier runs count first, also removed ones, and an earlier name takes no place from them', async () => {
  const folder = await temporaryFolder();
  const send = async (file: string, name: string) => {
    const path = join(folder, file);
    await packEntry(await makeEntry(folder, { manifest: { name, team: 'Cats' } }), path);
    return { file, path, sha256: await hashFile(path) };
  };
  const [late, seen] = [await send('a.tar.gz', 'Late'), await send('m.tar.gz', 'Seen')];
  const refusedOf = async (earlier: string[]) => {
    const teams = new Map(earlier.map((sha256) => [sha256, 'cats']));
    return [...(await tooManyOfTeam([late, seen], 1, folder, undefined, teams)).keys()];
  };
  expect(await refusedOf([])).toEqual([seen.sha256]);
  expect(await refusedOf([seen.sha256])).toEqual([late.sha256]);
  expect(await refusedOf(['gone'])).toEqual([late.sha256, seen.sha256]);
});
