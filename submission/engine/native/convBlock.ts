import type { BlockForward, BlockGradients, BlockShape } from '../block.ts';
import { conv, convFilterGradient, convInputGradient } from '../convolution.ts';
import { bool, float, free, type Raw, runMany } from '../ops.ts';
import { EPSILON } from '../stock/batchNorm.ts';

/**
 * One block by our own ops (convolution.cc, normalise.cc), float32: all that follows the convolution in two passes over
 * memory, forward and backward. Of a pool's window, the first of the largest takes the gradient.
 */
const attributes = ({ pool, alpha }: BlockShape) => [
  bool('pool', pool),
  float('alpha', alpha),
  float('epsilon', EPSILON),
];

/** Forward pass by the statistics of the batch. */
export function convBlock(input: Raw, filter: Raw, offset: Raw, shape: BlockShape): BlockForward {
  const convolved = conv(input, filter);
  const [output, mean, variance, inverse, pooled, choice] = runMany(
    'HaetNormalise',
    [convolved, offset],
    attributes(shape),
    6,
  ) as [Raw, Raw, Raw, Raw, Raw, Raw];
  const [values, unused] = shape.pool ? [pooled, convolved] : [convolved, pooled];
  free(unused);
  return { output, mean, variance, saved: [inverse, values, choice] };
}

/** Backward pass. */
export function convBlockGradient(
  outputGradient: Raw,
  input: Raw,
  filter: Raw,
  { output, mean, saved }: BlockForward,
  shape: BlockShape,
  wantsInputGradient: boolean,
): BlockGradients {
  const [inverse, values, choice] = saved as [Raw, Raw, Raw];
  const [convolvedGradient, offsetGradient] = runMany(
    'HaetNormaliseGradient',
    [outputGradient, output, values, choice, mean, inverse],
    attributes(shape),
    2,
  ) as [Raw, Raw];
  const inputGradient = wantsInputGradient ? convInputGradient(input.shape, filter, convolvedGradient) : null;
  const filterGradient = convFilterGradient(input, filter.shape, convolvedGradient);
  free(convolvedGradient);
  return { input: inputGradient, filter: filterGradient, offset: offsetGradient };
}
