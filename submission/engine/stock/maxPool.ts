import {
  type Attribute,
  bool,
  cast,
  constant,
  free,
  int,
  type Raw,
  reshape,
  run,
  string,
  type,
} from '../ops.ts';

const window = (dtype: number): Attribute[] => [
  type('T', dtype),
  int('ksize', [1, 2, 2, 1]),
  int('strides', [1, 2, 2, 1]),
  string('padding', 'VALID'),
  string('data_format', 'NHWC'),
];

/** 2x2 maximum, stride 2. @returns [batch, height / 2, width / 2, channels] */
export function maxPool(input: Raw): Raw {
  return run('MaxPool', [input], window(input.dtype));
}

/**
 * Gradient of `maxPool` to its input. Every element equal to the maximum of its window takes the gradient: elements
 * that tie take it each (on a plain patch of an image, or by rounding in bfloat16), where other frameworks pick one.
 * TensorFlow's MaxPoolGrad, which on a CPU looks for the maxima again one by one, took 2.2 to 2.8 times as long on two
 * AVX2 cores (`npm run bench:stock-ops`).
 */
export function maxPoolGradient(input: Raw, output: Raw, outputGradient: Raw): Raw {
  const [batch, height, width, channels] = input.shape as [number, number, number, number];
  return gradientToMaxima(input, [(batch * height) / 2, 2, width / 2, 2, channels], output, outputGradient, [
    (batch * height) / 2,
    1,
    width / 2,
    1,
    channels,
  ]);
}

/** Where `input` equals the broadcast `maxima`, the broadcast `gradient`; elsewhere zero; in the shape of `input`. */
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
