// Computes every block of the network if TensorFlow uses the device that the argument names, cpu or gpu, and prints the
// results, one JSON line each.
// proveGpu.ts runs it once on the GPU and once on the CPU. A line is printed before each block, so that the block in
// which the process dies is known.
import { tf } from '../engine/tensorflow.ts';
import { proofBlocks } from './blocks.ts';
import type { ProofLine } from './proofLine.ts';

const print = (line: ProofLine): void => {
  process.stdout.write(`${JSON.stringify(line)}\n`);
};

const { binding, isUsingGpuDevice } = tf.backend() as unknown as {
  readonly binding: { readonly TF_Version: string };
  readonly isUsingGpuDevice: boolean;
};
const device = isUsingGpuDevice ? 'gpu' : 'cpu';
const wanted = process.argv[2];
print({ device, version: binding.TF_Version });
for (const { name, compute } of device === wanted ? proofBlocks() : []) {
  print({ starts: name });
  for (const [result, tensor] of Object.entries(compute())) {
    const { buffer, byteOffset, byteLength } = tensor.dataSync() as Float32Array;
    const floats = Buffer.from(buffer, byteOffset, byteLength).toString('base64');
    print({ result: `${result} of ${name}`, floats });
    tensor.dispose();
  }
}
print({ done: true });
