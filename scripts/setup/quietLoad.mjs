import { join } from 'node:path';
import { addonIsReady, buildAddon } from './addon.mjs';
import { packageFolder } from './binding.mjs';
import { root } from './paths.mjs';

/**
 * Returns the addon that loads TensorFlow's library without its start-up lines, which is put beside the binding and
 * belongs to the runtime of entries.
 * @returns {import('./addon.mjs').Addon}
 */
const quietLoad = () => ({
  name: 'quiet load',
  output: join(packageFolder, 'lib/napi-v8/haet_quiet_load.node'),
  sources: [join(root, 'submission/engine/quietLoad.cc')],
  // It calls no function of TensorFlow, so the last flag prevents linking to it; the run path stays. The CUDA libraries
  // are loaded by the binding: linked here, they need symbols of TensorFlow and the linker adds it.
  words: ['-O2', '-Wl,--as-needed'],
});

/** @param {string} library */
export const quietLoadIsReady = (library) => addonIsReady(quietLoad(), library);

/** @param {string} library @param {number[]} locks */
export const buildQuietLoad = (library, locks) => buildAddon(quietLoad(), library, locks);
