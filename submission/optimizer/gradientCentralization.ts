import { type Tensor, tf } from '../engine/tensorflow.ts';

/**
 * Gradient centralization (Yong et al. 2020, arXiv 2004.01461): subtracts from the gradient of every output unit its
 * mean over the unit's inputs, i.e. over all axes but the last. A vector (of offsets) is left as it is.
 */
export function centralized(gradient: Tensor): Tensor {
  if (gradient.rank < 2) return gradient;
  const axes = gradient.shape.slice(0, -1).map((_, axis) => axis);
  return tf.sub(gradient, tf.mean(gradient, axes, true));
}
