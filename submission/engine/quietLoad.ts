import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const require = createRequire(import.meta.url);

/**
 * Loads TensorFlow's library without the lines that it prints at every start on a CPU with AVX-512. Set-up puts the addon
 * beside the binding of TensorFlow.js. In a runtime without it, or where it does not load, the binding loads the library
 * all the same, lines and all, and says what is wrong with it.
 */
export function loadQuietly(): void {
  const folder = dirname(require.resolve('@tensorflow/tfjs-node-gpu/package.json'));
  const addon = join(folder, 'lib/napi-v8/haet_quiet_load.node');
  if (!existsSync(addon)) return;
  try {
    require(addon);
  } catch {
    // The binding needs the same library, and fails with a better message.
  }
}
