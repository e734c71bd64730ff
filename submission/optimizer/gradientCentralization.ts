import { type Tensor, tf } from '../engine/tensorflow.ts';
import type { Weights } from '../model/resnet9.ts';

/**
 * Gradient centralization (Yong et al. 2020, arXiv 2004.01461): subtracts from the gradient of every output unit its
 * mean over the unit's inputs, i.e. over all axes but the last. Vectors (offsets) are left as they are.
 * The given gradients are disposed of.
 */
export function centralized(gradients: Weights): Weights {
  return Object.fromEntries(
    Object.entries(gradients).map(([name, gradient]) => {
      if (gradient.rank < 2) return [name, gradient];
      const axes = gradient.shape.slice(0, -1).map((_, axis) => axis);
      const centred = tf.tidy(() => tf.sub(gradient, tf.mean(gradient, axes, true)) as Tensor);
      gradient.dispose();
      return [name, centred];
    }),
  );
}
