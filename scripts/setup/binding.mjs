import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { addonIsReady, buildAddon, runPath } from './addon.mjs';
import { runtimeFolder } from './paths.mjs';

/** Returns the folder of TensorFlow.js. */
export const packageFolder = () => join(runtimeFolder(), 'node_modules/@tensorflow/tfjs-node-gpu');

/**
 * Returns the flags that link an addon to the CUDA libraries of a GPU's libtensorflow; none for a CPU.
 *
 * On a GPU machine TensorFlow opens the CUDA libraries by name when it starts. They are in no system path, so the addon
 * links them: the loader finds them through its run path, and TensorFlow then gets the loaded ones.
 * @param {string} library  the folder that contains tensorflow/ and, for a GPU, nvidia/
 */
export function cudaWords(library) {
  const nvidia = join(library, 'nvidia');
  if (!existsSync(nvidia)) return [];
  const words = ['-Wl,--no-as-needed'];
  for (const part of readdirSync(nvidia).sort()) {
    const folder = join(nvidia, part, 'lib');
    const names = readdirSync(folder).filter((name) =>
      /^lib(cud|cublas|cufft|curand|cusolver|cusparse|nccl|cupti)\w*\.so\.\d+$/.test(name),
    );
    words.push('-L', folder, ...runPath(folder), ...names.sort().map((name) => `-l:${name}`));
  }
  return words;
}

/**
 * Returns the binding between TensorFlow.js and a libtensorflow: tfjs-node's C++ files.
 * @param {string} library
 * @returns {import('./addon.mjs').Addon}
 */
function binding(library) {
  const folder = packageFolder();
  const sourceFolder = join(folder, 'binding');
  const sources = existsSync(sourceFolder) ? readdirSync(sourceFolder).sort() : [];
  return {
    name: 'TensorFlow.js binding',
    output: join(folder, 'lib/napi-v8/tfjs_binding.node'),
    sources: sources.map((name) => join(sourceFolder, name)),
    words: ['-O2', '-I', folder, '-I', sourceFolder, ...cudaWords(library)],
  };
}

/** @param {string} library */
export const bindingIsReady = (library) => addonIsReady(binding(library), library);

/** @param {string} library @param {number[]} locks */
export const buildBinding = (library, locks) => buildAddon(binding(library), library, locks);
