import type { BlockForward, BlockGradients } from '../differentiable.ts';
import type { BatchStatistics, BlockShape } from '../engine.ts';
import { cast, FLOAT32, free, type Raw, rawOf, tensorOf } from '../ops.ts';
import type { Tensor } from '../tensorflow.ts';
import { conv, convFilterGradient, convInputGradient } from './conv.ts';
import { normalise, normaliseGradient, normaliseWith } from './normalise.ts';

/** Tensors that a block saves for its backward pass. */
export type StockSaved = {
  readonly x: Tensor;
  readonly filter: Tensor;
  readonly output: Tensor;
  /** [batch, height, width, out], of the convolution */
  readonly convolved: Tensor;
  /** [batch, height / 2, width / 2, out], of the pool; `convolved` itself without pooling */
  readonly pooled: Tensor;
  /** TensorFlow's reserve spaces of the batch norm */
  readonly reserve1: Tensor;
  readonly reserve2: Tensor;
  readonly reserve3: Tensor;
};

type Moments = [Tensor, Tensor, Tensor, Tensor, Tensor];

/** Calls `use` with `tensor` as `dtype`, and frees the handle if it had to be cast. */
function as<T>(tensor: Tensor, dtype: number, use: (typed: Raw) => T): T {
  const handle = rawOf(tensor);
  if (handle.dtype === dtype) return use(handle);
  const typed = cast(handle, dtype);
  const result = use(typed);
  free(typed);
  return result;
}

const convolve = (x: Tensor, filter: Tensor, dtype: number): Raw =>
  as(x, dtype, (input) => as(filter, dtype, (weights) => conv(input, weights)));

/** Computes the forward pass with the statistics of the batch, in `dtype`. */
export function convBlock(
  x: Tensor,
  filter: Tensor,
  offset: Tensor,
  shape: BlockShape,
  dtype: number,
): BlockForward<StockSaved> {
  const convolution = convolve(x, filter, dtype);
  const normalised = normalise(convolution, rawOf(offset), shape);
  const convolved = tensorOf(convolution);
  const pooled = shape.pool ? tensorOf(normalised.pooled) : convolved;
  const output = tensorOf(normalised.output);
  const [mean, variance, reserve1, reserve2, reserve3] = normalised.moments.map(tensorOf) as Moments;
  const saved = { x, filter, output, convolved, pooled, reserve1, reserve2, reserve3 };
  return { output, statistics: { mean, variance }, saved };
}

/** Computes the forward pass with given statistics, for prediction. */
export function convBlockWith(
  x: Tensor,
  filter: Tensor,
  offset: Tensor,
  { mean, variance }: BatchStatistics,
  shape: BlockShape,
  dtype: number,
): Tensor {
  const convolved = convolve(x, filter, dtype);
  const output = normaliseWith(convolved, rawOf(offset), rawOf(mean), rawOf(variance), shape);
  free(convolved);
  return tensorOf(output);
}

/** Computes the backward pass. */
export function convBlockGradient(
  outputGradient: Tensor,
  { x, filter, output, convolved, pooled, reserve1, reserve2, reserve3 }: StockSaved,
  shape: BlockShape,
  wantsInputGradient: boolean,
  dtype: number,
): BlockGradients {
  const { input: convolvedGradient, offset } = normaliseGradient(
    rawOf(outputGradient),
    {
      output: rawOf(output),
      convolved: rawOf(convolved),
      pooled: rawOf(pooled),
      reserved: [rawOf(reserve1), rawOf(reserve2), rawOf(reserve3)],
    },
    shape,
  );
  const input = wantsInputGradient
    ? as(filter, dtype, (weights) => convInputGradient(x.shape, weights, convolvedGradient))
    : null;
  const typedGradient = as(x, dtype, (images) => convFilterGradient(images, filter.shape, convolvedGradient));
  const filterGradient = dtype === FLOAT32 ? typedGradient : cast(typedGradient, FLOAT32);
  free(convolvedGradient, ...(dtype === FLOAT32 ? [] : [typedGradient]));
  return {
    input: input && tensorOf(input),
    filter: tensorOf(filterGradient),
    offset: tensorOf(offset),
  };
}
