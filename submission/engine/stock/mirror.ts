import { type Tensor, tf } from '../tensorflow.ts';

/** Returns a weight of all output channels, as `Engine.mirror` of one tensor. */
export function mirrored(stored: Tensor, swapsInputs: boolean): Tensor {
  return tf.tidy(() => tf.concat([stored, mirrorImage(stored, swapsInputs)], stored.rank - 1) as Tensor);
}

/** Returns the gradient of the stored weight, as `Engine.mirrorGradient` of one tensor. */
export function mirroredGradient(gradient: Tensor, swapsInputs: boolean): Tensor {
  return tf.tidy(() => {
    const [own, other] = tf.split(gradient, 2, gradient.rank - 1) as [Tensor, Tensor];
    // A mirror image is its own inverse, and its own transpose.
    return tf.add(own, mirrorImage(other, swapsInputs)) as Tensor;
  });
}

/** Returns a filter [height, width, in, out] with its columns, and the halves of its inputs if they have any, exchanged. */
function mirrorImage(filter: Tensor, swapsInputs: boolean): Tensor {
  if (filter.rank === 1) return filter;
  const flipped = tf.reverse(filter, 1) as Tensor;
  if (!swapsInputs) return flipped;
  const [first, second] = tf.split(flipped, 2, 2) as [Tensor, Tensor];
  return tf.concat([second, first], 2) as Tensor;
}
