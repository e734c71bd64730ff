import { describe, expect, test } from '@jest/globals';
import { cacheFolder as ofRuns } from '../../datasets/cacheFolder.ts';
import { cacheFolder as ofSetUp } from '../../scripts/setup/paths.mjs';

const noHome = () => {
  throw new Error('uv_os_homedir');
};

describe.each([
  ['a run', ofRuns],
  ['set-up', ofSetUp],
])('the cache folder of %s', (_, cacheFolder) => {
  test.each([
    [{ HAET_CACHE: '/a', XDG_CACHE_HOME: '/b', HOME: '/c' }, '/a'],
    [{ HAET_CACHE: '/a/../d/', HOME: '/c' }, '/d'],
    [{ HAET_CACHE: '', XDG_CACHE_HOME: '/b', HOME: '/c' }, '/b/haet'],
    [{ XDG_CACHE_HOME: '.cache', HOME: '/c' }, '/c/.cache/haet'],
    [{ XDG_CACHE_HOME: '', HOME: '/c' }, '/c/.cache/haet'],
    [{ HOME: '/c' }, '/c/.cache/haet'],
    [{ HOME: 'relative' }, '/of/user/.cache/haet'],
    [{}, '/of/user/.cache/haet'],
  ])('%j is %s', (env, folder) => {
    expect(cacheFolder(env, () => '/of/user')).toBe(folder);
  });

  test('must not be relative, because each program would resolve it elsewhere', () => {
    expect(() => cacheFolder({ HAET_CACHE: 'cache' })).toThrow(
      new RegExp(`HAET_CACHE.*cache.*absolute path.*${process.cwd()}/cache`),
    );
    expect(() => cacheFolder({ HAET_CACHE: '~/cache' })).toThrow(/absolute path/);
  });

  test('must be named if there is no home folder', () => {
    expect(() => cacheFolder({}, noHome)).toThrow(
      /HOME.*is not set .*[Ss]et HAET_CACHE to the absolute path/,
    );
  });
});
