import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { addonIsReady, buildAddon } from './addon.mjs';
import { packageFolder } from './binding.mjs';
import { root } from './paths.mjs';

const sourceFolder = join(root, 'submission/engine/native');
/**
 * Returns our own TensorFlow ops, which are put beside the binding and belong to the runtime of entries.
 * @returns {import('./addon.mjs').Addon}
 */
function nativeOps() {
  // Tests and benchmarks that compile only the kernels also read compile.json. It is read here, not at load time,
  // because `--dependencies` runs before the sources exist.
  const { words, needs } = JSON.parse(readFileSync(join(sourceFolder, 'compile.json'), 'utf8'));
  return {
    name: 'native ops',
    output: join(packageFolder(), 'lib/napi-v8/haet_ops.node'),
    sources: readdirSync(sourceFolder, { recursive: true })
      .filter((path) => /\.(cc|h)$/.test(path))
      .sort()
      .map((path) => join(sourceFolder, path)),
    words: ['-O3', '-I', sourceFolder, ...words],
    needs,
  };
}

/** @param {string} library */
export const nativeOpsAreReady = (library) => addonIsReady(nativeOps(), library);

/** @param {string} library @param {number[]} locks */
export const buildNativeOps = (library, locks) => buildAddon(nativeOps(), library, locks);
