import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { stringify } from 'yaml';
import { UserError } from '../../../datasets/userError.ts';
import { parseSpec, readSpec } from '../../../evaluator/study/readSpec.ts';
import { temporaryFolder } from '../../datasets/temporaryFolder.ts';

const folder = temporaryFolder();

const valid = {
  schemaVersion: 1,
  name: 'Smoothing',
  data: { source: 'cifar10' },
  samples: 3,
  budget: { seconds: 600 },
  baseline: 'plain',
  arms: { plain: '', smooth: '--set labelSmoothing=0.2' },
};
const parse = (spec: object) => parseSpec(stringify(spec), 'study.yaml');
const errorOf = (text: string): UserError => {
  try {
    parseSpec(text, 'study.yaml');
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
  throw new Error(`accepted: ${text}`);
};

test('a specification has defaults: one seed, a grid, 500 images per class, all others held out', () => {
  expect(parse(valid)).toEqual({
    schemaVersion: 1,
    name: 'Smoothing',
    data: { source: 'cifar10', trainPerClass: 500, heldOutPerClass: 'all' },
    samples: [1, 2, 3],
    seeds: [1],
    budget: { kind: 'seconds', trainSeconds: 600, words: [] },
    arms: [
      { name: 'plain', words: [] },
      { name: 'smooth', words: ['--set', 'labelSmoothing=0.2'] },
    ],
    baseline: 'plain',
    search: { kind: 'grid' },
  });
});

test('arms keep the order of the file, also if their names are numbers', () => {
  const names = ['24', 'plain', '9', '0.1', '16'];
  const written = (name: (text: string) => string) =>
    names.map((each, index) => `${name(each)}: ${JSON.stringify(`--epochs ${index}`)}`).join(', ');
  const { arms: _, ...others } = valid;
  const before = stringify(others);
  const inJson = parseSpec(`${before}arms: {${written(JSON.stringify)}}`, 'study.yaml');
  const inYaml = parseSpec(`${before}arms: {${written(String)}}`, 'study.yaml');
  for (const { arms } of [inJson, inYaml]) expect(arms.map(({ name }) => name)).toEqual(names);
});

test('JSON and YAML with comments give the same', () => {
  expect(parseSpec(JSON.stringify(valid, null, 2), 'study.json')).toEqual(parse(valid));
  expect(parseSpec(`# why\n${stringify(valid)}`, 'study.yaml')).toEqual(parse(valid));
});

test('a budget of words has a generous limit in time, or the one given', () => {
  expect(parse({ ...valid, budget: { words: '--epochs 20' } }).budget).toEqual({
    kind: 'words',
    trainSeconds: 21_600,
    words: ['--epochs', '20'],
  });
  expect(parse({ ...valid, budget: { words: ['--epochs', '20'], limitSeconds: 90 } }).budget).toMatchObject({
    trainSeconds: 90,
  });
});

test('halving can be named alone or with its numbers', () => {
  expect(parse({ ...valid, search: 'halving' }).search).toEqual({
    kind: 'halving',
    firstRuns: 2,
    factor: 2,
  });
  expect(parse({ ...valid, search: { kind: 'halving', firstRuns: 3, factor: 4 } }).search).toEqual({
    kind: 'halving',
    firstRuns: 3,
    factor: 4,
  });
});

const word = fc.string({ minLength: 1, maxLength: 20, unit: 'grapheme' }).filter((text) => !/\0/.test(text));
const names = fc.uniqueArray(fc.stringMatching(/^[a-z][a-z0-9 ._+=-]{0,20}$/), {
  minLength: 2,
  maxLength: 6,
});
test('whatever arms, words, samples and seeds are written are read', () => {
  fc.assert(
    fc.property(
      names,
      fc.uniqueArray(fc.array(word, { maxLength: 4 }), {
        minLength: 6,
        maxLength: 6,
        selector: (words) => JSON.stringify(words),
      }),
      fc.uniqueArray(fc.nat({ max: 2 ** 31 - 1 }), { minLength: 1, maxLength: 5 }),
      fc.integer({ min: 1, max: 20 }),
      (arms, words, samples, seeds) => {
        const given = arms.map((name, at) => ({ name, words: words[at]! }));
        const spec = parse({
          ...{ ...valid, samples, seeds, baseline: arms[0] },
          arms: Object.fromEntries(given.map(({ name, words }) => [name, words])),
        });
        expect(new Map(spec.arms.map(({ name, words }) => [name, words]))).toEqual(
          new Map(given.map(({ name, words }) => [name, words])),
        );
        expect([spec.samples, spec.seeds]).toEqual([
          samples,
          Array.from({ length: seeds }, (_, at) => at + 1),
        ]);
      },
    ),
    { numRuns: 200 },
  );
});

describe('what is wrong is named with the file, the field and the value', () => {
  const without = (field: string) =>
    Object.fromEntries(Object.entries(valid).filter(([key]) => key !== field));
  test.each<[string, object, RegExp]>([
    ['an unknown field', { ...valid, arm: {} }, /unknown field "arm"/],
    ['no baseline', without('baseline'), /\(at baseline\)/],
    [
      'another baseline',
      { ...valid, baseline: 'none' },
      /not one of the arms \(plain, smooth\) \(at baseline\)/,
    ],
    ['one arm', { ...valid, arms: { plain: '' } }, /two arms or more \(at arms\)/],
    ['equal arms', { ...valid, arms: { plain: '', other: [] } }, /plain and other have the same words/],
    [
      'an arm without a name',
      { ...valid, arms: { plain: '', '': 'a' } },
      /"" is not the name of an arm: .*\(at arms\)/,
    ],
    ['a number as a word', { ...valid, arms: { plain: '', a: ['--rate', 0.1] } }, /quotes \(at arms\.a\)/],
    ['no samples', without('samples'), /\(at samples\)/],
    ['samples twice', { ...valid, samples: [1, 1] }, /different integers \(at samples\), got \[1,1\]/],
    ['no sample', { ...valid, samples: 0 }, /from 1 to 1000.*\(at samples\), got 0/],
    ['a large seed', { ...valid, seeds: [2 ** 40] }, /<=2147483647 \(at seeds\.0\)/],
    [
      'two budgets',
      { ...valid, budget: { seconds: 1, words: 'a' } },
      /either seconds or words \(at budget\)/,
    ],
    ['no budget', { ...valid, budget: {} }, /either seconds or words \(at budget\)/],
    ['a limit of a limit', { ...valid, budget: { seconds: 1, limitSeconds: 2 } }, /belongs to words/],
    ['no time', { ...valid, budget: { seconds: 0 } }, /\(at budget\.seconds\)/],
    ['another search', { ...valid, search: 'random' }, /grid, halving.*\(at search/],
    ['half a halving', { ...valid, search: { kind: 'halving', factor: 1 } }, /\(at search\.factor\)/],
    [
      'another source',
      { ...valid, data: { source: 'mnist' } },
      /"cifar10"\|.*\(at data\.source\), got "mnist"/,
    ],
    ['a source without a place', { ...valid, data: { source: 'csv' } }, /csv needs it \(at data\.from\)/],
    [
      'a field of another source',
      { ...valid, data: { source: 'cifar10', labels: 'a.csv' } },
      /cifar10 does not take it \(at data\.labels\)/,
    ],
    [
      'all of synthetic',
      { ...valid, data: { source: 'synthetic' } },
      /give a number \(at data\.heldOutPerClass\)/,
    ],
    ['another version', { ...valid, schemaVersion: 2 }, /\(at schemaVersion\)/],
  ])('%s', (_, spec, reason) => {
    const error = errorOf(stringify(spec));
    expect(error.path).toBe('study.yaml');
    expect(error.reason).toMatch(reason);
    expect(error.remedy).toContain('docs/study.md');
  });

  test.each([
    ['name: [1', /not valid YAML: .*line 1, column/],
    ['name: a\nname: b', /not valid YAML: Map keys must be unique at line 2, column 1/],
    ['"name": "a",}', /not valid YAML: .*line 1/],
    ['a: &a [*a]', /unknown field "a"/],
    [`a: &a [x]\n${'b: [*a, *a, *a, *a, *a]\n'.replace('b', 'c')}`, /unknown field/],
    ['', /expected object/],
    ['- a', /expected object/],
  ])('%j', (text, reason) => {
    expect(errorOf(text).reason).toMatch(reason);
  });

  test('aliases that multiply are refused, not expanded', () => {
    const levels = Array.from({ length: 9 }, (_, at) => `l${at + 1}: &l${at + 1} [${`*l${at},`.repeat(9)}]`);
    expect(errorOf(['l0: &l0 [x]', ...levels].join('\n')).reason).toMatch(/not valid YAML: Excessive alias/);
  });
});

test('a relative path starts at the folder of the specification', async () => {
  await mkdir(join(folder.path, 'specs'));
  const path = join(folder.path, 'specs/study.yaml');
  const data = { source: 'folder', from: '../pictures', labels: 'labels.csv' };
  await writeFile(path, stringify({ ...valid, data }));
  expect((await readSpec(path)).data).toMatchObject({
    from: join(folder.path, 'pictures'),
    labels: join(folder.path, 'specs/labels.csv'),
  });
});

test('a specification that cannot be read is named', async () => {
  await expect(readSpec(join(folder.path, 'none.yaml'))).rejects.toThrow(
    /none\.yaml: .*ENOENT.*docs\/study\.md/,
  );
  await expect(readSpec(folder.path)).rejects.toThrow(/not a regular file/);
});

const specs = fileURLToPath(new URL('../../../bench/studies/', import.meta.url));
test.each(readdirSync(specs, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.yaml')))(
  'bench/studies/%s is valid',
  (file) => {
    expect(parseSpec(readFileSync(join(specs, file), 'utf8'), file).arms.length).toBeGreaterThan(1);
  },
);
