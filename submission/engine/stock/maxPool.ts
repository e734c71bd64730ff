import { gradientToMaxima } from '../gradientToMaxima.ts';
import { type Attribute, int, type Raw, run, string, type } from '../ops.ts';

const window = (dtype: number): Attribute[] => [
  type('T', dtype),
  int('ksize', [1, 2, 2, 1]),
  int('strides', [1, 2, 2, 1]),
  string('padding', 'VALID'),
  string('data_format', 'NHWC'),
];

/** Computes the 2x2 maximum, stride 2. @returns [batch, height / 2, width / 2, channels] */
export function maxPool(input: Raw): Raw {
  return run('MaxPool', [input], window(input.dtype));
}

/**
 * Computes the gradient of `maxPool` for its input; ties as in `gradientToMaxima`. TensorFlow's MaxPoolGrad, which
 * searches the maxima again on a CPU, took 2.2 to 2.8 times as long on two AVX2 cores (`npm run bench:stock-ops`).
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
