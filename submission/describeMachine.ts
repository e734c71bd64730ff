// Prints what TensorFlow and the native ops offer on this machine, as one JSON line. For `haet check-machine`, which
// loads neither.
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { whyNoNativeOps } from './engine/native/addon.ts';
import { tf } from './engine/tensorflow.ts';
import { pathsFor } from './hardware.ts';
import { defaultSettings } from './settings.ts';

const { binding, isUsingGpuDevice } = tf.backend() as unknown as {
  readonly binding: { readonly TF_Version: string };
  readonly isUsingGpuDevice: boolean;
};
const facts = {
  version: binding.TF_Version,
  gpu: isUsingGpuDevice,
  gpuBuild: isGpuBuild(),
  paths: pathsFor(defaultSettings),
  whyNotNative: whyNoNativeOps(),
};
process.stdout.write(`${JSON.stringify(facts)}\n`);

/** Returns whether set-up linked TensorFlow's build for GPUs, which has CUDA's libraries beside it. */
function isGpuBuild(): boolean {
  const folder = dirname(createRequire(import.meta.url).resolve('@tensorflow/tfjs-node-gpu/package.json'));
  try {
    const { library } = JSON.parse(readFileSync(join(folder, 'lib/napi-v8/tfjs_binding.json'), 'utf8'));
    return existsSync(join(library, 'nvidia'));
  } catch {
    return false;
  }
}
