// What follows the convolution in a block by our own ops (normalise.cc), float32, in two passes over memory each way. Of
// a pool's window, the first of the largest takes the gradient.
import type { BlockForward, BlockShape, NormaliseGradients } from '../block.ts';
import { bool, float, free, type Raw, runMany } from '../ops.ts';
import { EPSILON } from '../stock/batchNorm.ts';

const attributes = ({ pool, alpha }: BlockShape) => [
  bool('pool', pool),
  float('alpha', alpha),
  float('epsilon', EPSILON),
];

/** Forward pass by the statistics of the batch. `convolved` stays the caller's, and may be among what is saved. */
export function normalise(convolved: Raw, offset: Raw, shape: BlockShape): BlockForward {
  const results = runMany('HaetNormalise', [convolved, offset], attributes(shape), 6);
  const [output, mean, variance, inverse, pooled, choice] = results as [Raw, Raw, Raw, Raw, Raw, Raw];
  if (!shape.pool) free(pooled); // empty
  return { output, mean, variance, saved: [inverse, choice, shape.pool ? pooled : convolved] };
}

/** Backward pass. */
export function normaliseGradient(
  outputGradient: Raw,
  { output, mean, saved }: BlockForward,
  shape: BlockShape,
): NormaliseGradients {
  const [inverse, choice, pooled] = saved as [Raw, Raw, Raw];
  const inputs = [outputGradient, output, pooled, choice, mean, inverse];
  const [input, offset] = runMany('HaetNormaliseGradient', inputs, attributes(shape), 2) as [Raw, Raw];
  return { input, offset };
}
