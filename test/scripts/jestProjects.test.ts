import { readdirSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { alone, runs, slowest } from '../../jest.config.mjs';

const files = readdirSync('test', { recursive: true }).map(String);
const filesOf = (name: string) => {
  const pattern = new RegExp(`^${name}\\.system\\.test\\.ts$`);
  return files.filter((file) => pattern.test(file));
};

// A moved test that keeps its old name in the list would silently run beside others.
test('every name in jest.config.mjs is the name of a test', () => {
  expect([...runs, ...alone, ...slowest].filter((name) => filesOf(name).length === 0)).toEqual([]);
});

test('no test is in two projects', () => {
  const named = [...runs, ...alone].flatMap(filesOf);
  expect(named.filter((file, at) => named.indexOf(file) !== at)).toEqual([]);
});
