import { EPSILON } from '../engine.ts';
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

const attributes = (dtype: number, isTraining: boolean): Attribute[] => [
  type('T', dtype),
  type('U', FLOAT32),
  float('epsilon', EPSILON),
  string('data_format', 'NHWC'),
  bool('is_training', isTraining),
];

/** Values of the forward pass for `batchNormGradient` (TensorFlow's reserve spaces). */
export type Reserved = readonly [Raw, Raw, Raw];

/**
 * Normalises with the statistics of the batch (Ioffe and Szegedy 2015), over all axes but the last.
 *
 * @param scale float32 [channels]
 * @param offset float32 [channels]
 * @returns moments: mean and variance with Bessel's correction, float32 [channels], and the reserve spaces
 */
export function batchNorm(
  input: Raw,
  scale: Raw,
  offset: Raw,
): { output: Raw; moments: readonly [mean: Raw, variance: Raw, ...Reserved] } {
  const none = constant([], 'float32');
  const [output, ...moments] = runMany(
    'FusedBatchNormV3',
    [input, scale, offset, none, none],
    [...attributes(input.dtype, true), float('exponential_avg_factor', 1)],
    6,
  );
  return { output: output!, moments: moments as [Raw, Raw, Raw, Raw, Raw] };
}

/** Normalises with given statistics, for prediction. */
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

/** Computes the gradients of `batchNorm` for its input and its offset. */
export function batchNormGradient(
  outputGradient: Raw,
  input: Raw,
  scale: Raw,
  reserved: Reserved,
): { input: Raw; offset: Raw } {
  const [inputGradient, scaleGradient, offsetGradient, ...rest] = runMany(
    'FusedBatchNormGradV3',
    [outputGradient, input, scale, ...reserved],
    attributes(input.dtype, true),
    5,
  );
  free(scaleGradient!, ...rest);
  return { input: inputGradient!, offset: offsetGradient! };
}

/** Returns float32 [channels], all `value`; created once. */
export const filled = (channels: number, value: number): Raw =>
  constant(new Array<number>(channels).fill(value), 'float32');

/** Returns `input * factor` for small float32 vectors. */
export const scaled = (input: Raw, factor: number): Raw =>
  run('Mul', [input, constant(factor, 'float32')], [type('T', FLOAT32)]);
