import { type Architecture, channels, convolutions, multiplyAdds } from '../../submission/model/resnet9.ts';

/**
 * Computes a lower bound of the work of one training step.
 *
 * Arithmetic, written: multiply-adds of direct convolution. Filtered: what minimal filtering F(4x4, 3x3) leaves of the
 * 3x3 convolutions between the stem and the head, a quarter (Lavin and Gray 2015), without its transforms. Its rounding
 * is acceptable if the transforms and the sums are float32.
 *
 * Memory: activations of one batch do not fit into a cache, so every use of one in a later stage reads it again. A
 * block writes its convolution's output, pooled if it pools, reads it to normalise it, and writes the activation, which
 * the next block reads. Backward it reads the activation's gradient, the activation and the normalised values, writes
 * their gradient, reads it twice (for the gradients of the input and of the filter), reads the block's input and writes
 * its gradient.
 *
 * @param bytesPerValue of an activation
 */
export function leastWork(architecture: Architecture, batchSize: number, bytesPerValue: number) {
  const flops = 6 * multiplyAdds(architecture) * batchSize;
  const unfiltered = 6 * 32 * 32 * 27 * channels(architecture.width)[0] * batchSize;
  const filteredFlops = unfiltered + (flops - unfiltered) / 4;
  const [c1] = channels(architecture.width);
  const blocks = [{ in: 3, out: c1, pool: false }, ...convolutions(architecture.width)];
  let size = 32;
  let values = 0;
  for (const { in: inputs, out, pool } of blocks) {
    const pixels = size * size;
    const input = pixels * inputs;
    const output = (pixels * out) / (pool ? 4 : 1);
    const forward = 4 * output;
    const backward = 6 * output + 2 * input;
    values += forward + backward;
    if (pool) size /= 2;
  }
  return { flops, filteredFlops, bytes: values * batchSize * bytesPerValue };
}
