import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';

const sources = readdirSync('submission', { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .map((path) => ({ path, text: readFileSync(join('submission', path), 'utf8') }));

/** Returns the matching lines of all sources, each after its path. */
const linesLike = (pattern: RegExp) =>
  sources.flatMap(({ path, text }) =>
    text.split('\n').flatMap((line) => (pattern.test(line) ? [`${path}: ${line.trim()}`] : [])),
  );

test('no module of the submission has a variable: engines and all other state are passed as values', () => {
  // A declaration without indentation is at module level.
  expect(linesLike(/^(export )?(let|var)\b/)).toEqual([]);
});

test('no module contains an engine or a map of kernels', () => {
  const made = /^(export )?const \w+(: [^=]+)? = (create\w*Engine\(|new (Map|Set)|\{\} as)/;
  expect(linesLike(made)).toEqual(['engine/ops.ts: const constants = new Map<string, Raw>();']);
});

test('only Add is registered with TensorFlow.js, and no kernel is looked up by another name', () => {
  expect(linesLike(/\b(un)?registerKernel\(|\bgetKernel\(|\brunKernel\(/)).toEqual([
    "engine/add.ts: const stock = tf.getKernel('Add', 'tensorflow');",
    "engine/add.ts: tf.unregisterKernel('Add', 'tensorflow');",
    'engine/add.ts: tf.registerKernel({',
  ]);
});
