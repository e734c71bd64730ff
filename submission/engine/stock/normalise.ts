// The steps after the convolution in a block: maxpool 2x2? -> batch norm -> celu / alpha, composed of TensorFlow's own
// ops; runs on every device.
//
// The activation is celu(x) / alpha with celu(x) = max(0, x) + min(0, alpha (exp(x / alpha) - 1)) (Barron 2017), which
// is elu(x / alpha). The division is merged into the batch norm's scale, so celu costs one pass over memory instead of
// three. The constant factor has no effect, because the next block normalises again.
import type { BlockShape } from '../engine.ts';
import { free, type Raw, run, type } from '../ops.ts';
import { batchNorm, batchNormGradient, batchNormWith, filled, type Reserved, scaled } from './batchNorm.ts';
import { maxPool, maxPoolGradient } from './maxPool.ts';

const elu = (input: Raw): Raw => run('Elu', [input], [type('T', input.dtype)]);
const eluGradient = (outputGradient: Raw, output: Raw): Raw =>
  run('EluGrad', [outputGradient, output], [type('T', output.dtype)]);

const channelsOf = (tensor: Raw): number => tensor.shape.at(-1)!;

interface Normalised {
  /** [batch, height / 2?, width / 2?, out] */
  readonly output: Raw;
  /** Like the output, before the batch norm; `convolved` itself without pooling. */
  readonly pooled: Raw;
  /** As in `batchNorm`. */
  readonly moments: readonly [mean: Raw, variance: Raw, ...Reserved];
}

/** Computes the forward pass with the statistics of the batch. The caller keeps `convolved`. */
export function normalise(convolved: Raw, offset: Raw, shape: BlockShape): Normalised {
  const pooled = shape.pool ? maxPool(convolved) : convolved;
  const scale = filled(channelsOf(pooled), 1 / shape.alpha);
  const scaledOffset = scaled(offset, 1 / shape.alpha);
  const { output: normalised, moments } = batchNorm(pooled, scale, scaledOffset);
  const output = elu(normalised);
  free(scaledOffset, normalised);
  return { output, pooled, moments };
}

/** Computes the forward pass with given statistics, for prediction. The caller keeps `convolved`. */
export function normaliseWith(convolved: Raw, offset: Raw, mean: Raw, variance: Raw, shape: BlockShape): Raw {
  const pooled = shape.pool ? maxPool(convolved) : convolved;
  const scaledOffset = scaled(offset, 1 / shape.alpha);
  const scale = filled(channelsOf(pooled), 1 / shape.alpha);
  const normalised = batchNormWith(pooled, scale, scaledOffset, mean, variance);
  const output = elu(normalised);
  free(scaledOffset, normalised, ...(shape.pool ? [pooled] : []));
  return output;
}

/** Values of the forward pass that the backward pass needs; `convolved` is its input. */
interface Kept extends Pick<Normalised, 'output' | 'pooled'> {
  readonly convolved: Raw;
  readonly reserved: Reserved;
}

/** Computes the backward pass. @returns the gradients of `convolved`, and of the offset, float32 [out] */
export function normaliseGradient(
  outputGradient: Raw,
  { output, convolved, pooled, reserved }: Kept,
  shape: BlockShape,
): { input: Raw; offset: Raw } {
  const normalisedGradient = eluGradient(outputGradient, output);
  const scale = filled(channelsOf(output), 1 / shape.alpha);
  const gradients = batchNormGradient(normalisedGradient, pooled, scale, reserved);
  const input = shape.pool ? maxPoolGradient(convolved, pooled, gradients.input) : gradients.input;
  const offset = scaled(gradients.offset, 1 / shape.alpha);
  free(normalisedGradient, gradients.offset, ...(shape.pool ? [gradients.input] : []));
  return { input, offset };
}
