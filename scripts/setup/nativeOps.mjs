import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { addonIsReady, buildAddon } from './addon.mjs';
import { packageFolder } from './binding.mjs';
import { root } from './paths.mjs';

const sourceFolder = join(root, 'submission/engine/native');

/**
 * Returns our own TensorFlow ops, which are put beside the binding and belong to the runtime of entries: one addon per
 * variant of compile.json for this processor. One addon with all variants would need every inline function under a name of its own: the
 * linker keeps one copy of it, which could be the one with instructions that the CPU lacks.
 * @returns {import('./addon.mjs').Addon[]}
 */
function nativeOps() {
  // Tests and benchmarks that compile only the kernels also read compile.json. It is read here, not at load time,
  // because `--dependencies` runs before the sources exist.
  const { words, variants } = JSON.parse(readFileSync(join(sourceFolder, 'compile.json'), 'utf8'));
  const sources = readdirSync(sourceFolder, { recursive: true })
    .filter((path) => /\.(cc|h)$/.test(path))
    .sort()
    .map((path) => join(sourceFolder, path));
  return variants
    .filter(({ processor }) => processor === process.arch)
    .map(({ name, lanes, bfloat16, needs, words: own }) => ({
      name: `native ops for ${name}`,
      output: join(packageFolder(), `lib/napi-v8/haet_ops_${name}.node`),
      sources,
      words: [
        ...['-O3', '-I', sourceFolder, ...words],
        ...[`-DHAET_VARIANT=${name}`, `-DHAET_LANES=${lanes}`, `-DHAET_BFLOAT16=${bfloat16 ? 1 : 0}`],
        // NEON, unlike AVX, is what every compiler for arm64 uses without a flag.
        ...(process.arch === 'x64' ? needs.map((flag) => `-m${flag.replace('_', '')}`) : []),
        ...own,
      ],
      needs,
    }));
}

/** @param {string} library */
export const nativeOpsAreReady = (library) => nativeOps().every((addon) => addonIsReady(addon, library));

/**
 * Builds those that are not ready, all at once: the compiler uses one core for each, and together they take most of the
 * time of a set-up.
 * @param {string} library
 * @param {number[]} locks
 */
export async function buildNativeOps(library, locks) {
  const missing = nativeOps().filter((addon) => !addonIsReady(addon, library));
  const built = await Promise.allSettled(missing.map((addon) => buildAddon(addon, library, locks)));
  for (const each of built) if (each.status === 'rejected') throw each.reason;
}
