import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { addonIsReady, buildAddon } from './addon.mjs';
import { packageFolder } from './binding.mjs';
import { root } from './paths.mjs';

const sourceFolder = join(root, 'submission/engine/native');
/** What the vectors are compiled for; the addon is loaded only where the CPU has it. */
const instructions = { x64: ['avx2', 'fma'] }[process.arch] ?? [];

/** Our own TensorFlow ops, beside the binding: part of the runtime that entries find. @returns {import('./addon.mjs').Addon} */
function nativeOps() {
  return {
    name: 'native ops',
    output: join(packageFolder, 'lib/napi-v8/haet_ops.node'),
    sources: readdirSync(sourceFolder)
      .filter((name) => /\.(cc|h)$/.test(name))
      .sort()
      .map((name) => join(sourceFolder, name)),
    words: ['-O3', '-pthread', ...instructions.map((name) => `-m${name}`)],
    needs: instructions,
  };
}

/** @param {string} library */
export const nativeOpsAreReady = (library) => addonIsReady(nativeOps(), library);

/** @param {string} library @param {number[]} locks */
export const buildNativeOps = (library, locks) => buildAddon(nativeOps(), library, locks);
