import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { runtimeLock } from '../../scripts/runtimeLock.mjs';

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
    },
  };
  const { manifest, lock: own } = runtimeLock(lock, 'work');
  const dependencies = { b: '^1.0.0', d: '1' };
  expect(manifest).toEqual({ name: 'work', version: '1.2.3', private: true, type: 'module', dependencies });
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
  const { packages } = runtimeLock(lock, 'work').lock;
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
  expect(runtimeLock(lock, 'work').lock.packages).toHaveProperty(['node_modules/a'], { version: '2.0.0' });
  lock.packages['work'] = { dependencies: { a: '2', b: '1' } };
  lock.packages['node_modules/b'] = { dependencies: { a: '1' } };
  expect(() => runtimeLock(lock, 'work')).toThrow(/node_modules\/a is needed in two versions/);
});

test('a lock file without a package that is needed is refused', () => {
  const lock = { packages: { work: { dependencies: { gone: '1' } } } };
  expect(() => runtimeLock(lock, 'work')).toThrow('package-lock.json has no gone, which work needs');
});

test('of this project it has TensorFlow.js and nothing of the evaluator or of its tools', () => {
  const { packages } = runtimeLock(JSON.parse(readFileSync('package-lock.json', 'utf8')), 'submission').lock;
  const names = Object.keys(packages).filter((path) => path.lastIndexOf('node_modules/') === 0);
  for (const name of ['@tensorflow/tfjs-node-gpu', 'ml-matrix', 'node-api-headers', 'npyjs', 'pure-rand']) {
    expect(names).toContain(`node_modules/${name}`);
  }
  const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as { dependencies: object };
  const shared = Object.keys(dependencies).filter((name) => names.includes(`node_modules/${name}`));
  expect(shared).toEqual(['npyjs', 'pure-rand']);
  for (const tool of ['typescript', 'jest', 'sharp']) expect(names).not.toContain(`node_modules/${tool}`);
});
