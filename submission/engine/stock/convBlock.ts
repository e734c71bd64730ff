import type { BlockForward, BlockGradients, BlockShape } from '../block.ts';
import { conv, convFilterGradient, convInputGradient } from '../convolution.ts';
import { BFLOAT16, cast, FLOAT32, free, type Raw, run, type } from '../ops.ts';
import { batchNorm, batchNormGradient, batchNormWith, filled, scaled } from './batchNorm.ts';
import { maxPool, maxPoolGradient } from './maxPool.ts';

/**
 * One block, conv3x3 -> maxpool 2x2? -> batchnorm -> celu, composed of TensorFlow's own ops; runs on every device.
 *
 * The activation is celu(x) / alpha with celu(x) = max(0, x) + min(0, alpha (exp(x / alpha) - 1)) (Barron 2017),
 * which is elu(x / alpha): the division rides along in the scale of the batch norm, so that celu costs one pass over
 * memory instead of three. The constant factor does not matter to what follows, which is normalised again.
 */
const elu = (input: Raw): Raw => run('Elu', [input], [type('T', input.dtype)]);
const eluGradient = (outputGradient: Raw, output: Raw): Raw =>
  run('EluGrad', [outputGradient, output], [type('T', output.dtype)]);

/** Runs `use` on `input` in the block's type; a handle cast for it is freed afterwards. */
function as<T>(input: Raw, shape: BlockShape, use: (typed: Raw) => T): T {
  const wanted = shape.bfloat16 ? BFLOAT16 : FLOAT32;
  if (input.dtype === wanted) return use(input);
  const typed = cast(input, wanted);
  const result = use(typed);
  free(typed);
  return result;
}

/** Forward pass by the statistics of the batch. */
export function convBlock(input: Raw, filter: Raw, offset: Raw, shape: BlockShape): BlockForward {
  const convolved = as(input, shape, (x) => as(filter, shape, (w) => conv(x, w)));
  const pooled = shape.pool ? maxPool(convolved) : convolved;
  const scale = filled(filter.shape[3]!, 1 / shape.alpha);
  const scaledOffset = scaled(offset, 1 / shape.alpha);
  const { output: normalised, moments } = batchNorm(pooled, scale, scaledOffset);
  const output = elu(normalised);
  free(scaledOffset, normalised);
  const { mean, variance, reserved } = moments;
  return { output, mean, variance, saved: [...reserved, convolved, ...(shape.pool ? [pooled] : [])] };
}

/** Forward pass by given statistics, for predictions. */
export function convBlockWith(
  input: Raw,
  filter: Raw,
  offset: Raw,
  mean: Raw,
  variance: Raw,
  shape: BlockShape,
): Raw {
  const convolved = as(input, shape, (x) => as(filter, shape, (w) => conv(x, w)));
  const pooled = shape.pool ? maxPool(convolved) : convolved;
  if (shape.pool) free(convolved);
  const scaledOffset = scaled(offset, 1 / shape.alpha);
  const normalised = batchNormWith(
    pooled,
    filled(filter.shape[3]!, 1 / shape.alpha),
    scaledOffset,
    mean,
    variance,
  );
  const output = elu(normalised);
  free(pooled, scaledOffset, normalised);
  return output;
}

/** Backward pass. */
export function convBlockGradient(
  outputGradient: Raw,
  input: Raw,
  filter: Raw,
  { output, mean, variance, saved }: BlockForward,
  shape: BlockShape,
  wantsInputGradient: boolean,
): BlockGradients {
  const [reserved0, reserved1, reserved2, convolved, pooled = convolved] = saved as [
    Raw,
    Raw,
    Raw,
    Raw,
    Raw?,
  ];
  const moments = { mean, variance, reserved: [reserved0, reserved1, reserved2] as const };
  const normalisedGradient = eluGradient(outputGradient, output);
  const scale = filled(filter.shape[3]!, 1 / shape.alpha);
  const normGradient = batchNormGradient(normalisedGradient, pooled, scale, moments);
  const convolvedGradient = shape.pool
    ? maxPoolGradient(convolved, pooled, normGradient.input)
    : normGradient.input;
  if (shape.pool) free(normGradient.input);
  const inputGradient = wantsInputGradient
    ? as(filter, shape, (w) => convInputGradient(input.shape, w, convolvedGradient))
    : null;
  const typedFilterGradient = as(input, shape, (x) => convFilterGradient(x, filter.shape, convolvedGradient));
  const filterGradient = shape.bfloat16 ? cast(typedFilterGradient, FLOAT32) : typedFilterGradient;
  const offsetGradient = scaled(normGradient.offset, 1 / shape.alpha);
  if (shape.bfloat16) free(typedFilterGradient);
  free(normalisedGradient, convolvedGradient, normGradient.offset);
  return { input: inputGradient, filter: filterGradient, offset: offsetGradient };
}
