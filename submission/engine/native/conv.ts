import { type Raw, run } from '../ops.ts';

/**
 * 3x3 convolution, stride 1, zero padding, by our own ops (convolution.cc): float32, channels in multiples of 8.
 * Shapes as in ../stock/conv.ts.
 */
export const conv = (input: Raw, filter: Raw): Raw => run('HaetConvolution', [input, filter], []);

export const convInputGradient = (_: readonly number[], filter: Raw, outputGradient: Raw): Raw =>
  run('HaetConvolutionInputGradient', [filter, outputGradient], []);

export const convFilterGradient = (input: Raw, _: readonly number[], outputGradient: Raw): Raw =>
  run('HaetConvolutionFilterGradient', [input, outputGradient], []);
