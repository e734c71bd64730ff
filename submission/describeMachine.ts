// Prints what TensorFlow and the native ops offer on this machine, as one JSON line. For `haet check-machine`, which
// loads neither.
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
  paths: pathsFor(defaultSettings),
  whyNotNative: whyNoNativeOps(),
};
process.stdout.write(`${JSON.stringify(facts)}\n`);
