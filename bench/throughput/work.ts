import { type Architecture, channels, convolutions, multiplyAdds } from '../../submission/model/resnet9.ts';

/**
 * The least work of one training step: what any implementation has to compute and to move.
 *
 * Arithmetic, as written: multiply-adds of the sums. Filtered: what minimal filtering F(4x4, 3x3) leaves of the 3x3
 * convolutions between the stem and the head, a quarter (Lavin and Gray 2015), its transforms not counted. Float32 can
 * afford its rounding, bfloat16 cannot.
 *
 * Memory: activations of one batch do not fit into a cache, so every use of one in a later stage reads it again.
 * A block writes its convolution's output, reads it pooled to normalise it, writes the activation, which the next
 * block reads. Backward it reads the activation's gradient, the activation and the pooled input of the norm, writes
 * the gradient of the convolution's output, reads that twice (for the input's and the filter's gradient), reads the
 * block's input and writes its gradient.
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
    const [input, convolved] = [pixels * inputs, pixels * out];
    const output = pool ? convolved / 4 : convolved;
    const forward = convolved + 3 * output;
    const backward = 3 * output + 3 * convolved + 2 * input;
    values += forward + backward;
    if (pool) size /= 2;
  }
  return { flops, filteredFlops, bytes: values * batchSize * bytesPerValue };
}
