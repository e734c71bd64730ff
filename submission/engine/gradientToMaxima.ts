import { bool, cast, constant, free, type Raw, reshape, run, type } from './ops.ts';

/**
 * Computes the gradient of a maximum over windows for its input. Every element equal to its window's maximum gets the
 * window's gradient; the others get zero. Several equal elements (in a uniform part of an image, or by rounding in
 * bfloat16) each get it; other frameworks pick one.
 *
 * @param input of any shape
 * @param windows the shape of `input`, split into windows
 * @param maxima one value per window
 * @param gradient one value per window
 * @param maximaOfWindows the shape of `maxima` and `gradient` that broadcasts to `windows`
 * @returns in the shape of `input`
 */
export function gradientToMaxima(
  input: Raw,
  windows: readonly number[],
  maxima: Raw,
  gradient: Raw,
  maximaOfWindows: readonly number[],
): Raw {
  const { dtype } = input;
  const elements = reshape(input, windows);
  const maximum = reshape(maxima, maximaOfWindows);
  const share = reshape(gradient, maximaOfWindows);
  const isMaximum = run(
    'Equal',
    [elements, maximum],
    [type('T', dtype), bool('incompatible_shape_error', true)],
  );
  const zero = cast(constant(0, 'float32'), dtype);
  const routed = run('SelectV2', [isMaximum, share, zero], [type('T', dtype)]);
  const inputGradient = reshape(routed, input.shape);
  free(elements, maximum, share, isMaximum, zero, routed);
  return inputGradient;
}
