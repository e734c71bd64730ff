import { IMAGE_EDGE, IMAGE_SIZE, reflectPadded } from './data.ts';
import { type Tensor, tf } from './engine/tensorflow.ts';

/**
 * Averages the logits of test-time views (airbench): half the weight for the image and its mirror image, half for both
 * shifted by `shift` pixels up-left and down-right.
 *
 * @param images float32 [count, 32, 32, 3], normalised
 * @param shift pixels; 0 for the image and its mirror image only
 * @param logits of a view, [count, 32, 32, 3] to [count, classes]
 * @returns float32 [count, classes]
 */
export function viewsAveraged(
  images: Float32Array,
  shift: number,
  logits: (view: Tensor) => Tensor,
): Float32Array {
  const count = images.length / IMAGE_SIZE;
  const edge = IMAGE_EDGE + 2 * shift;
  return tf.tidy(() => {
    const padded = tf.tensor(reflectPadded(images, shift), [count, edge, edge, 3]);
    const mirrored = (top: number, left: number): Tensor => {
      const view = tf.slice(padded, [0, top, left, 0], [count, IMAGE_EDGE, IMAGE_EDGE, 3]);
      return tf.add(logits(view), logits(tf.reverse(view, 2)));
    };
    const centre = mirrored(shift, shift);
    if (shift === 0) return tf.mul(centre, 1 / 2).dataSync() as Float32Array;
    const moved = tf.add(mirrored(0, 0), mirrored(2 * shift, 2 * shift));
    return tf.add(tf.mul(centre, 1 / 4), tf.mul(moved, 1 / 8)).dataSync() as Float32Array;
  });
}
