import {
  type Attribute,
  bool,
  constant,
  FLOAT32,
  float,
  free,
  type Raw,
  run,
  runMany,
  string,
  type,
} from '../ops.ts';

/** Added to the variance (Page's value). */
export const EPSILON = 1e-5;

const attributes = (dtype: number, isTraining: boolean): Attribute[] => [
  type('T', dtype),
  type('U', FLOAT32),
  float('epsilon', EPSILON),
  string('data_format', 'NHWC'),
  bool('is_training', isTraining),
];

/** What `batchNormGradient` needs of the forward pass; TensorFlow's reserve spaces. */
export interface Moments {
  /** float32 [channels] */
  readonly mean: Raw;
  /** float32 [channels], of the batch, with Bessel's correction. */
  readonly variance: Raw;
  readonly reserved: readonly [Raw, Raw, Raw];
}

/**
 * Batch normalisation by the statistics of the batch (Ioffe and Szegedy 2015), over all axes but the last.
 *
 * @param scale float32 [channels]
 * @param offset float32 [channels]
 */
export function batchNorm(input: Raw, scale: Raw, offset: Raw): { output: Raw; moments: Moments } {
  const none = constant([], 'float32');
  const [output, mean, variance, ...reserved] = runMany(
    'FusedBatchNormV3',
    [input, scale, offset, none, none],
    [...attributes(input.dtype, true), float('exponential_avg_factor', 1)],
    6,
  );
  return {
    output: output!,
    moments: { mean: mean!, variance: variance!, reserved: reserved as [Raw, Raw, Raw] },
  };
}

/** The same by given statistics: for predictions. */
export function batchNormWith(input: Raw, scale: Raw, offset: Raw, mean: Raw, variance: Raw): Raw {
  const [output, ...rest] = runMany(
    'FusedBatchNormV3',
    [input, scale, offset, mean, variance],
    [...attributes(input.dtype, false), float('exponential_avg_factor', 1)],
    6,
  );
  free(...rest);
  return output!;
}

/** Gradients of `batchNorm` to its input and its offset. */
export function batchNormGradient(
  outputGradient: Raw,
  input: Raw,
  scale: Raw,
  moments: Moments,
): { input: Raw; offset: Raw } {
  const [inputGradient, scaleGradient, offsetGradient, ...rest] = runMany(
    'FusedBatchNormGradV3',
    [outputGradient, input, scale, ...moments.reserved],
    attributes(input.dtype, true),
    5,
  );
  free(scaleGradient!, ...rest);
  return { input: inputGradient!, offset: offsetGradient! };
}

/** float32 [channels], all `value`; made once. */
export const filled = (channels: number, value: number): Raw =>
  constant(new Array<number>(channels).fill(value), 'float32');

/** `input * factor` for small float32 vectors. */
export const scaled = (input: Raw, factor: number): Raw =>
  run('Mul', [input, constant(factor, 'float32')], [type('T', FLOAT32)]);
