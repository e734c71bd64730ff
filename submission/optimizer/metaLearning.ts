import { tf } from '../engine/tensorflow.ts';
import type { Weights } from '../model/resnet9.ts';
import { type Batch, combine, type Evaluate, type Evaluation } from './gradient.ts';

/**
 * Computes the gradient of meta-learning based training (arXiv 2002.12455), first order: with w' = w - step grad
 * L(first; w) the gradient of L(first; w) + weight L(second; w'), ignoring the derivative of w' by w, so that an update
 * must also reduce the loss of another batch. Loss and logits are those of the first batch at w.
 */
export function metaLearningEvaluation(
  evaluate: Evaluate,
  weights: Weights,
  first: Batch,
  second: Batch,
  { step, weight }: { step: number; weight: number },
): Evaluation {
  const here = evaluate(weights, first, true);
  const ahead = tf.tidy(() =>
    combine(weights, here.gradients, (w, gradient) => tf.sub(w, tf.mul(gradient, step))),
  );
  const there = evaluate(ahead, second, false);
  const gradients = tf.tidy(() =>
    combine(here.gradients, there.gradients, (own, other) => tf.add(own, tf.mul(other, weight))),
  );
  tf.dispose([ahead, here.gradients, there.gradients, there.loss, there.logits]);
  return { loss: here.loss, logits: here.logits, gradients };
}
