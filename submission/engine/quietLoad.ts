import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const require = createRequire(import.meta.url);

/**
 * Loads TensorFlow's library without the lines that it prints on every start on a CPU with AVX-512. Set-up puts the
 * addon beside the binding of TensorFlow.js. Without the addon, or if it fails to load, the binding loads the library
 * itself, with the lines, and reports errors.
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
