import { join } from 'node:path';
import TestSequencer from '@jest/test-sequencer';
import { slowest } from '../jest.config.mjs';

/**
 * Orders test files for jest: those that jest.config.mjs names as slowest first, then as jest does. By itself jest orders
 * them by how long they took before, and in a clone that has never run them by size.
 */
export default class SlowestFirst extends TestSequencer {
  sort(tests) {
    return [...super.sort(tests)].sort((a, b) => rankOf(a.path) - rankOf(b.path)); // stable
  }
}

function rankOf(path) {
  const rank = slowest.findIndex((name) => path.endsWith(join('/test', `${name}.system.test.ts`)));
  return rank < 0 ? slowest.length : rank;
}
