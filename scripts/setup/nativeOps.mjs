import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { addonIsReady, buildAddon } from './addon.mjs';
import { packageFolder } from './binding.mjs';
import { root } from './paths.mjs';

const sourceFolder = join(root, 'submission/engine/native');
/** Our own TensorFlow ops, beside the binding: part of the runtime that entries find. @returns {import('./addon.mjs').Addon} */
function nativeOps() {
  // Also what tries and measures the kernels alone reads it. What needs no ops, set-up may do before the sources are there.
  const { words, needs } = JSON.parse(readFileSync(join(sourceFolder, 'compile.json'), 'utf8'));
  return {
    name: 'native ops',
    output: join(packageFolder, 'lib/napi-v8/haet_ops.node'),
    sources: readdirSync(sourceFolder)
      .filter((name) => /\.(cc|h)$/.test(name))
      .sort()
      .map((name) => join(sourceFolder, name)),
    words: ['-O3', ...words],
    needs,
  };
}

/** @param {string} library */
export const nativeOpsAreReady = (library) => addonIsReady(nativeOps(), library);

/** @param {string} library @param {number[]} locks */
export const buildNativeOps = (library, locks) => buildAddon(nativeOps(), library, locks);
