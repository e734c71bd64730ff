import type { BlockForward, BlockGradients, BlockShape } from '../block.ts';
import { BFLOAT16, cast, FLOAT32, free, type Raw } from '../ops.ts';
import { conv, convFilterGradient, convInputGradient } from './conv.ts';
import { normalise, normaliseGradient, normaliseWith } from './normalise.ts';

/** A block composed of TensorFlow's own ops; runs on every device, in float32 or bfloat16. Images are NHWC. */

/** Runs `use` on `input` in the block's type; a handle cast for it is freed afterwards. */
function as<T>(input: Raw, shape: BlockShape, use: (typed: Raw) => T): T {
  const wanted = shape.bfloat16 ? BFLOAT16 : FLOAT32;
  if (input.dtype === wanted) return use(input);
  const typed = cast(input, wanted);
  const result = use(typed);
  free(typed);
  return result;
}

const convolve = (input: Raw, filter: Raw, shape: BlockShape): Raw =>
  as(input, shape, (x) => as(filter, shape, (w) => conv(x, w)));

/** Forward pass by the statistics of the batch. */
export function convBlock(input: Raw, filter: Raw, offset: Raw, shape: BlockShape): BlockForward {
  return normalise(convolve(input, filter, shape), offset, shape);
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
  const convolved = convolve(input, filter, shape);
  const output = normaliseWith(convolved, offset, mean, variance, shape);
  free(convolved);
  return output;
}

/** Backward pass. */
export function convBlockGradient(
  outputGradient: Raw,
  input: Raw,
  filter: Raw,
  forward: BlockForward,
  shape: BlockShape,
  wantsInputGradient: boolean,
): BlockGradients {
  const { input: convolvedGradient, offset } = normaliseGradient(outputGradient, forward, shape);
  const inputGradient = wantsInputGradient
    ? as(filter, shape, (w) => convInputGradient(input.shape, w, convolvedGradient))
    : null;
  const typedGradient = as(input, shape, (x) => convFilterGradient(x, filter.shape, convolvedGradient));
  const filterGradient = shape.bfloat16 ? cast(typedGradient, FLOAT32) : typedGradient;
  free(convolvedGradient, ...(shape.bfloat16 ? [typedGradient] : []));
  return { input: inputGradient, filter: filterGradient, offset };
}
