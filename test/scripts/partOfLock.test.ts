import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { partOfLock } from '../../scripts/partOfLock.mjs';

test('keeps what a workspace reaches, at its place and version, without marks that concern the clone', () => {
  const lock = {
    packages: {
      '': { name: 'all', dependencies: { a: '1' } },
      work: { name: 'work', version: '1.2.3', dependencies: { b: '^1.0.0', d: '1' } },
      'node_modules/work': { resolved: 'work', link: true },
      'node_modules/a': { version: '1.0.0', dependencies: { c: '1' } },
      'node_modules/b': {
        version: '1.0.1',
        integrity: 'sha512-b',
        dev: true,
        dependencies: { c: '2' },
        optionalDependencies: { e: '1', absent: '1' },
        peerDependencies: { f: '1', unwanted: '1' },
        peerDependenciesMeta: { unwanted: { optional: true } },
      },
      'node_modules/b/node_modules/c': { version: '2.0.0', dependencies: { b: '1' } },
      'node_modules/c': { version: '1.0.0' },
      'node_modules/d': { version: '1.0.0', optional: true },
      'node_modules/e': { version: '1.0.0', dependencies: { g: '1' } },
      'node_modules/f': { version: '1.0.0', peer: true },
      'node_modules/g': { version: '1.0.0', devOptional: true },
      'node_modules/unrelated': { version: '1.0.0' },
      'node_modules/unwanted': { version: '1.0.0' },
    },
  };
  const own = partOfLock(lock, 'work');
  expect(own).toMatchObject({ name: 'work', version: '1.2.3', lockfileVersion: 3 });
  const dependencies = { b: '^1.0.0', d: '1' };
  const { dev: _, ...b } = lock.packages['node_modules/b'];
  expect(own.packages).toEqual({
    '': { name: 'work', version: '1.2.3', dependencies },
    'node_modules/b': b,
    'node_modules/b/node_modules/c': { version: '2.0.0', dependencies: { b: '1' } },
    'node_modules/d': { version: '1.0.0' },
    'node_modules/e': { version: '1.0.0', dependencies: { g: '1' }, optional: true },
    'node_modules/f': { version: '1.0.0' },
    'node_modules/g': { version: '1.0.0', optional: true },
  });
});

test('a package that is needed both by optional and by other dependencies is not optional, nor what it needs', () => {
  const lock = {
    packages: {
      work: { dependencies: { y: '1', z: '1' } },
      'node_modules/y': { optionalDependencies: { a: '1' } },
      'node_modules/a': { dependencies: { b: '1' } },
      'node_modules/b': {},
      'node_modules/z': { dependencies: { a: '1' } },
    },
  };
  const { packages } = partOfLock(lock, 'work');
  expect(packages).toMatchObject({ 'node_modules/a': {}, 'node_modules/b': {} });
  expect(JSON.stringify(packages)).not.toContain('"optional"');
});

test('what the workspace has for itself moves to the top, and two versions there are refused', () => {
  const lock = {
    packages: {
      work: { dependencies: { a: '2' } },
      'work/node_modules/a': { version: '2.0.0' },
      'node_modules/a': { version: '1.0.0' },
    } as Record<string, object>,
  };
  expect(partOfLock(lock, 'work').packages).toHaveProperty(['node_modules/a'], { version: '2.0.0' });
  lock.packages['work'] = { dependencies: { a: '2', b: '1' } };
  lock.packages['node_modules/b'] = { dependencies: { a: '1' } };
  expect(() => partOfLock(lock, 'work')).toThrow(/node_modules\/a is needed in two versions/);
});

test('a lock file without a package that is needed is refused', () => {
  const lock = { packages: { work: { dependencies: { gone: '1' } } } };
  expect(() => partOfLock(lock, 'work')).toThrow('package-lock.json has no gone, which work needs');
});

describe('of this project,', () => {
  const lock = JSON.parse(readFileSync('package-lock.json', 'utf8'));
  const packagesOf = (from: string) =>
    Object.keys(partOfLock(lock, from).packages).flatMap(
      (path) => /^node_modules\/(.*)/.exec(path)?.[1] ?? [],
    );

  test('the submission needs TensorFlow.js and little else of what the evaluator needs', () => {
    const needed = ['@tensorflow/tfjs-node-gpu', 'ml-matrix', 'node-api-headers', 'npyjs', 'pure-rand'];
    expect(packagesOf('submission')).toEqual(expect.arrayContaining(needed));
    const ofEvaluator = Object.keys(lock.packages[''].dependencies);
    expect(ofEvaluator.filter((name) => packagesOf('submission').includes(name))).toEqual([
      'npyjs',
      'pure-rand',
    ]);
  });

  test('the evaluator needs nothing of TensorFlow and no tool', () => {
    const names = packagesOf('');
    expect(names).toEqual(expect.arrayContaining(Object.keys(lock.packages[''].dependencies)));
    expect(
      names.filter((name) => /tensorflow|^(typescript|jest|ml-matrix|haet-submission)$/.test(name)),
    ).toEqual([]);
    expect(partOfLock(lock, '').packages['']).not.toHaveProperty('workspaces');
  });
});
