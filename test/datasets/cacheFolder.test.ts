import { expect, test } from '@jest/globals';
import { cacheFolder, homeFolder } from '../../datasets/cacheFolder.ts';

test.each([
  ['HAET_CACHE comes first', { HAET_CACHE: '/a', XDG_CACHE_HOME: '/b', HOME: '/c' }, '/a'],
  ['then XDG_CACHE_HOME', { XDG_CACHE_HOME: '/b', HOME: '/c' }, '/b/haet'],
  ['a relative XDG_CACHE_HOME is ignored', { XDG_CACHE_HOME: 'b', HOME: '/c' }, '/c/.cache/haet'],
  ['an empty XDG_CACHE_HOME too', { XDG_CACHE_HOME: '', HOME: '/c' }, '/c/.cache/haet'],
])('%s', (_, env, folder) => {
  expect(cacheFolder(env)).toBe(folder);
});

test('a relative HAET_CACHE is relative to the current folder', () => {
  expect(cacheFolder({ HAET_CACHE: 'here' })).toBe(`${process.cwd()}/here`);
});

test('without HOME, the home folder is that of the user database', () => {
  expect(homeFolder({})).toMatch(/^\//);
});
