import { IMAGE_EDGE, IMAGE_SIZE, reflectPadded } from './data.ts';
import { type Tensor, tf } from './engine/tensorflow.ts';

/**
 * Averages the logits of test-time views: the image, shifted by each of -shift to shift pixels both ways, which are
 * (2 shift + 1)^2 views, and with `mirrors` the mirror image of each.
 *
 * @param images float32 [count, 32, 32, 3], normalised
 * @param shift pixels; 0 for no shift
 * @param mirrors false for a network to which an image and its mirror image are the same
 * @param logits of a view, [count, 32, 32, 3] to [count, classes]
 * @returns float32 [count, classes]
 */
export function viewsAveraged(
  images: Float32Array,
  shift: number,
  mirrors: boolean,
  logits: (view: Tensor) => Tensor,
): Float32Array {
  const count = images.length / IMAGE_SIZE;
  const edge = IMAGE_EDGE + 2 * shift;
  const places = Array.from({ length: 2 * shift + 1 }, (_, place) => place);
  return tf.tidy(() => {
    const padded = tf.tensor(reflectPadded(images, shift), [count, edge, edge, 3]);
    const viewAt = (top: number, left: number): Tensor => {
      const view = tf.slice(padded, [0, top, left, 0], [count, IMAGE_EDGE, IMAGE_EDGE, 3]);
      return mirrors ? tf.mul(tf.add(logits(view), logits(tf.reverse(view, 2))), 0.5) : logits(view);
    };
    const views = places.flatMap((top) => places.map((left) => tf.tidy(() => viewAt(top, left))));
    return tf.mul(tf.addN(views), 1 / views.length).dataSync() as Float32Array;
  });
}
