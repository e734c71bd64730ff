import { type Tensor, tf } from '../tensorflow.ts';

/**
 * Gradient centralization (Yong et al. 2020, arXiv 2004.01461): subtracts from the gradient of every output unit its
 * mean over the unit's inputs, which are all axes but the last. Returns a vector (of offsets) unchanged.
 */
export function centralized(gradient: Tensor): Tensor {
  if (gradient.rank < 2) return gradient;
  const axes = gradient.shape.slice(0, -1).map((_, axis) => axis);
  return tf.sub(gradient, tf.mean(gradient, axes, true));
}
