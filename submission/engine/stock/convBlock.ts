import { conv, convFilterGradient, convInputGradient } from '../convolution.ts';
import { BFLOAT16, cast, FLOAT32, free, type Raw, run, type } from '../ops.ts';
import { batchNorm, batchNormGradient, batchNormWith, filled, type Moments, scaled } from './batchNorm.ts';
import { maxPool, maxPoolGradient } from './maxPool.ts';

/**
 * One block, conv3x3 -> maxpool 2x2? -> batchnorm -> celu, composed of TensorFlow's own ops; runs on every device.
 *
 * The activation is celu(x) / alpha with celu(x) = max(0, x) + min(0, alpha (exp(x / alpha) - 1)) (Barron 2017),
 * which is elu(x / alpha): the division rides along in the scale of the batch norm, so that celu costs one pass over
 * memory instead of three. The constant factor does not matter to what follows, which is normalised again.
 */
export interface BlockShape {
  readonly pool: boolean;
  readonly alpha: number;
  /** Type of the convolution's operands and of the activations that leave the block. */
  readonly bfloat16: boolean;
}

/** What the backward pass needs of the forward pass. Without pooling `pooled` is `convolved`. */
export interface Saved {
  readonly convolved: Raw;
  readonly pooled: Raw;
  readonly output: Raw;
  readonly moments: Moments;
}

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

/**
 * Forward pass by the statistics of the batch.
 *
 * @param input [batch, height, width, in]
 * @param filter float32 [3, 3, in, out]
 * @param offset float32 [out], of the batch norm; its scale is fixed at 1
 * @returns `output` [batch, height / 2?, width / 2?, out] and the rest of what `convBlockGradient` needs
 */
export function convBlock(input: Raw, filter: Raw, offset: Raw, shape: BlockShape): Saved {
  const convolved = as(input, shape, (x) => as(filter, shape, (w) => conv(x, w)));
  const pooled = shape.pool ? maxPool(convolved) : convolved;
  const scale = filled(filter.shape[3]!, 1 / shape.alpha);
  const scaledOffset = scaled(offset, 1 / shape.alpha);
  const { output: normalised, moments } = batchNorm(pooled, scale, scaledOffset);
  const output = elu(normalised);
  free(scaledOffset, normalised);
  return { convolved, pooled, output, moments };
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

/**
 * Backward pass.
 *
 * @param outputGradient like `saved.output`
 * @returns gradients to input (null where none is wanted: the first block), filter and offset, the last two float32
 */
export function convBlockGradient(
  outputGradient: Raw,
  input: Raw,
  filter: Raw,
  saved: Saved,
  shape: BlockShape,
  wantsInputGradient: boolean,
): { input: Raw | null; filter: Raw; offset: Raw } {
  const normalisedGradient = eluGradient(outputGradient, saved.output);
  const scale = filled(filter.shape[3]!, 1 / shape.alpha);
  const normGradient = batchNormGradient(normalisedGradient, saved.pooled, scale, saved.moments);
  const convolvedGradient = shape.pool
    ? maxPoolGradient(saved.convolved, saved.pooled, normGradient.input)
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
