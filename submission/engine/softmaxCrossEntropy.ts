import { FLOAT32, rawOf, runMany, tensorOf, type } from './ops.ts';
import type { Tensor } from './tensorflow.ts';

/**
 * Computes the cross-entropy of softmax(logits) against soft targets, in nats, and its gradient.
 *
 * @param logits float32 [batch, classes]
 * @param targets float32 [batch, classes], rows summing to 1
 * @returns losses float32 [batch]; gradient float32 [batch, classes], of the sum of the losses by the logits
 */
export function softmaxCrossEntropy(logits: Tensor, targets: Tensor): { losses: Tensor; gradient: Tensor } {
  const [losses, gradient] = runMany(
    'SoftmaxCrossEntropyWithLogits',
    [rawOf(logits), rawOf(targets)],
    [type('T', FLOAT32)],
    2,
  ).map(tensorOf);
  return { losses: losses!, gradient: gradient! };
}
