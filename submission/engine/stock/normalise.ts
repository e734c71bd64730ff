// What follows the convolution in a block, maxpool 2x2? -> batchnorm -> celu / alpha, composed of TensorFlow's own ops;
// runs on every device.
//
// The activation is celu(x) / alpha with celu(x) = max(0, x) + min(0, alpha (exp(x / alpha) - 1)) (Barron 2017),
// which is elu(x / alpha): the division rides along in the scale of the batch norm, so that celu costs one pass over
// memory instead of three. The constant factor does not matter to what follows, which is normalised again.
import type { BlockForward, BlockShape } from '../block.ts';
import { free, type Raw, run, type } from '../ops.ts';
import { batchNorm, batchNormGradient, batchNormWith, filled, scaled } from './batchNorm.ts';
import { maxPool, maxPoolGradient } from './maxPool.ts';

const elu = (input: Raw): Raw => run('Elu', [input], [type('T', input.dtype)]);
const eluGradient = (outputGradient: Raw, output: Raw): Raw =>
  run('EluGrad', [outputGradient, output], [type('T', output.dtype)]);

const channelsOf = (tensor: Raw): number => tensor.shape.at(-1)!;

/** Forward pass by the statistics of the batch. `convolved` is among what is saved. */
export function normalise(convolved: Raw, offset: Raw, shape: BlockShape): BlockForward {
  const pooled = shape.pool ? maxPool(convolved) : convolved;
  const scale = filled(channelsOf(pooled), 1 / shape.alpha);
  const scaledOffset = scaled(offset, 1 / shape.alpha);
  const { output: normalised, moments } = batchNorm(pooled, scale, scaledOffset);
  const output = elu(normalised);
  free(scaledOffset, normalised);
  const { mean, variance, reserved } = moments;
  return { output, mean, variance, saved: [...reserved, convolved, ...(shape.pool ? [pooled] : [])] };
}

/** Forward pass by given statistics, for predictions. `convolved` stays the caller's. */
export function normaliseWith(convolved: Raw, offset: Raw, mean: Raw, variance: Raw, shape: BlockShape): Raw {
  const pooled = shape.pool ? maxPool(convolved) : convolved;
  const scaledOffset = scaled(offset, 1 / shape.alpha);
  const scale = filled(channelsOf(pooled), 1 / shape.alpha);
  const normalised = batchNormWith(pooled, scale, scaledOffset, mean, variance);
  const output = elu(normalised);
  free(scaledOffset, normalised, ...(shape.pool ? [pooled] : []));
  return output;
}

/** Gradients of what follows the convolution: to its input, like `convolved`, and to the offset, float32 [out]. */
interface NormaliseGradients {
  readonly input: Raw;
  readonly offset: Raw;
}

/** Backward pass. */
export function normaliseGradient(
  outputGradient: Raw,
  { output, mean, variance, saved }: BlockForward,
  shape: BlockShape,
): NormaliseGradients {
  const [reserved0, reserved1, reserved2, convolved, pooled = convolved] = saved as [
    Raw,
    Raw,
    Raw,
    Raw,
    Raw?,
  ];
  const moments = { mean, variance, reserved: [reserved0, reserved1, reserved2] as const };
  const normalisedGradient = eluGradient(outputGradient, output);
  const scale = filled(channelsOf(output), 1 / shape.alpha);
  const gradients = batchNormGradient(normalisedGradient, pooled, scale, moments);
  const input = shape.pool ? maxPoolGradient(convolved, pooled, gradients.input) : gradients.input;
  const offset = scaled(gradients.offset, 1 / shape.alpha);
  free(normalisedGradient, gradients.offset, ...(shape.pool ? [gradients.input] : []));
  return { input, offset };
}
