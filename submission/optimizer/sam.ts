import { type Tensor, tf } from '../engine/tensorflow.ts';
import type { Weights } from '../model/resnet9.ts';
import { type Batch, combine, type Evaluate, type Evaluation } from './gradient.ts';

/**
 * Computes the gradient of sharpness-aware minimisation (Foret et al. 2020, arXiv 2010.01412): the gradient at w +
 * radius g / |g|, where g is the gradient at w and |g| its length over all weights. Loss and logits are those at w.
 */
export function samEvaluation(
  evaluate: Evaluate,
  weights: Weights,
  batch: Batch,
  radius: number,
): Evaluation {
  const here = evaluate(weights, batch, true);
  const climbed = tf.tidy(() => {
    const step = tf.div(radius, tf.add(length(here.gradients), 1e-12));
    return combine(weights, here.gradients, (weight, gradient) => tf.add(weight, tf.mul(gradient, step)));
  });
  const there = evaluate(climbed, batch, false);
  tf.dispose([climbed, here.gradients, there.loss, there.logits]);
  return { loss: here.loss, logits: here.logits, gradients: there.gradients };
}

/** Computes the Euclidean length over all tensors together. @returns float32 [] */
function length(tensors: Weights): Tensor {
  const squares = Object.values(tensors).map((tensor) => tf.sum(tf.square(tensor)) as Tensor);
  return tf.sqrt(tf.addN(squares));
}
