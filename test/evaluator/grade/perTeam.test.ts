import { expect, test } from '@jest/globals';
import { teamKey } from '../../../evaluator/grade/perTeam.ts';

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
