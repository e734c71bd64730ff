// A block by our own ops (block.cc), float32: one op for the forward pass and one for the backward pass. Activations lie
// in panels of eight channels, [batch, channels / 8, height, width, 8]; only the input of the first block is pictures,
// [batch, height, width, channels]. Of a pool's window, the first of the largest takes the gradient.
import type { BlockForward, BlockGradients, BlockShape } from '../block.ts';
import { bool, float, free, type Raw, run, runMany } from '../ops.ts';
import { EPSILON } from '../stock/batchNorm.ts';

const attributes = ({ pool, alpha }: BlockShape) => [
  bool('pool', pool),
  float('alpha', alpha),
  float('epsilon', EPSILON),
];

/** Forward pass by the statistics of the batch. */
export function convBlock(input: Raw, filter: Raw, offset: Raw, shape: BlockShape): BlockForward {
  const results = runMany('HaetBlock', [input, filter, offset], attributes(shape), 6);
  const [output, mean, variance, ...saved] = results as [Raw, Raw, Raw, Raw, Raw, Raw];
  return { output, mean, variance, saved };
}

/** Forward pass by given statistics, for predictions. */
export function convBlockWith(
  input: Raw,
  filter: Raw,
  offset: Raw,
  mean: Raw,
  variance: Raw,
  shape: BlockShape,
): Raw {
  return run('HaetBlockWith', [input, filter, offset, mean, variance], attributes(shape));
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
  const results = runMany(
    'HaetBlockGradient',
    [outputGradient, input, filter, output, values, choice, mean, inverse],
    [...attributes(shape), bool('wants_input', wantsInputGradient)],
    3,
  );
  const [inputGradient, filterGradient, offsetGradient] = results as [Raw, Raw, Raw];
  if (!wantsInputGradient) free(inputGradient); // empty
  return { input: wantsInputGradient ? inputGradient : null, filter: filterGradient, offset: offsetGradient };
}
