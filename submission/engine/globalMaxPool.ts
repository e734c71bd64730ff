import { bool, cast, constant, FLOAT32, free, INT32, type Raw, reshape, run, type } from './ops.ts';
import { gradientToMaxima } from './stock/maxPool.ts';

/** The axes of images [batch, height, width, channels], or in panels, [batch, channels / 8, height, width, 8]. */
function axesOf({ shape }: Raw) {
  const [batch, ...axes] = shape as [number, ...number[]];
  const panels = axes.length === 4 ? axes.shift()! : 1;
  const [height, width, lanes] = axes as [number, number, number];
  return { batch, panels, pixels: height * width, lanes };
}

/** Maximum over height and width. @returns float32 [batch, channels] of images, which may lie in panels */
export function globalMaxPool(input: Raw): Raw {
  const { batch, panels, pixels, lanes } = axesOf(input);
  const elements = reshape(input, [batch * panels, pixels, lanes]);
  const maxima = run(
    'Max',
    [elements, constant([1], 'int32')],
    [type('T', input.dtype), type('Tidx', INT32), bool('keep_dims', false)],
  );
  const features = reshape(maxima, [batch, panels * lanes]);
  free(elements, maxima);
  if (features.dtype === FLOAT32) return features;
  const output = cast(features, FLOAT32);
  free(features);
  return output;
}

/** Gradient of `globalMaxPool` to its input; ties as in `maxPoolGradient`. */
export function globalMaxPoolGradient(input: Raw, output: Raw, outputGradient: Raw): Raw {
  const { batch, panels, pixels, lanes } = axesOf(input);
  const maxima = cast(output, input.dtype);
  const gradient = cast(outputGradient, input.dtype);
  const inputGradient = gradientToMaxima(input, [batch * panels, pixels, lanes], maxima, gradient, [
    batch * panels,
    1,
    lanes,
  ]);
  free(maxima, gradient);
  return inputGradient;
}
