import { type Raw, run } from '../ops.ts';

/**
 * 3x3 convolution, stride 1, zero padding, by our own ops (convolution.cc, fewChannels.cc): float32, channels out in
 * multiples of 8. Shapes as in ../stock/conv.ts.
 */
export function conv(input: Raw, filter: Raw): Raw {
  return run('HaetConvolution', [input, filter], []);
}

/** The channels in are a multiple of 8 too: nobody wants the gradient to a picture. */
export function convInputGradient(_: readonly number[], filter: Raw, outputGradient: Raw): Raw {
  return run('HaetConvolutionInputGradient', [filter, outputGradient], []);
}

export function convFilterGradient(input: Raw, _: readonly number[], outputGradient: Raw): Raw {
  return run('HaetConvolutionFilterGradient', [input, outputGradient], []);
}
