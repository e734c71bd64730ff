import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { completeLock } from '../../scripts/completeLock.mjs';

test('package-lock.json is complete: npm ci rejects it if an optional package of any platform is missing', () => {
  expect(completeLock(JSON.parse(readFileSync('package-lock.json', 'utf8')))).toEqual([]);
});

test('adds a missing optional package with its version and platform', () => {
  const lock = {
    packages: {
      '': { name: 'x' },
      'node_modules/a': {
        version: '1.0.0',
        dev: true,
        optionalDependencies: { '@a/core-linux-arm64-musl': '1.0.0' },
      },
    },
  };
  expect(completeLock(lock)).toEqual(['@a/core-linux-arm64-musl']);
  expect(lock.packages).toHaveProperty(['node_modules/@a/core-linux-arm64-musl'], {
    version: '1.0.0',
    cpu: ['arm64'],
    dev: true,
    libc: ['musl'],
    optional: true,
    os: ['linux'],
  });
});

test('counts an optional package nested below its parent as present', () => {
  const lock = {
    packages: {
      'node_modules/a': { optionalDependencies: { 'b-linux-x64': '1.0.0' } },
      'node_modules/a/node_modules/b-linux-x64': { version: '1.0.0' },
    },
  };
  expect(completeLock(lock)).toEqual([]);
});
