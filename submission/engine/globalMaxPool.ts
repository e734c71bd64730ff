import { gradientToMaxima } from './gradientToMaxima.ts';
import { bool, cast, constant, FLOAT32, free, INT32, rawOf, reshape, run, tensorOf, type } from './ops.ts';
import type { Tensor } from './tensorflow.ts';

/** Layout of activations, [batch, panels, pixels, lanes]: an image has panels * lanes channels. */
export interface Layout {
  readonly batch: number;
  readonly panels: number;
  readonly pixels: number;
  readonly lanes: number;
}

/** Computes the maximum over height and width. @returns float32 [batch, channels] */
export function globalMaxPool(x: Tensor, { batch, panels, pixels, lanes }: Layout): Tensor {
  const input = rawOf(x);
  const elements = reshape(input, [batch * panels, pixels, lanes]);
  const maxima = run(
    'Max',
    [elements, constant([1], 'int32')],
    [type('T', input.dtype), type('Tidx', INT32), bool('keep_dims', false)],
  );
  const features = reshape(maxima, [batch, panels * lanes]);
  free(elements, maxima);
  if (features.dtype === FLOAT32) return tensorOf(features);
  const output = cast(features, FLOAT32);
  free(features);
  return tensorOf(output);
}

/**
 * Computes the gradient of `globalMaxPool` for its input; ties as in `gradientToMaxima`.
 *
 * @param output float32 [batch, channels], of `globalMaxPool`
 * @param outputGradient float32 [batch, channels]
 * @returns in the shape and type of x
 */
export function globalMaxPoolGradient(
  x: Tensor,
  output: Tensor,
  outputGradient: Tensor,
  { batch, panels, pixels, lanes }: Layout,
): Tensor {
  const input = rawOf(x);
  const maxima = cast(rawOf(output), input.dtype);
  const gradient = cast(rawOf(outputGradient), input.dtype);
  const windows = [batch * panels, pixels, lanes];
  const inputGradient = gradientToMaxima(input, windows, maxima, gradient, [batch * panels, 1, lanes]);
  free(maxima, gradient);
  return tensorOf(inputGradient);
}
