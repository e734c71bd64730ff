import { IMAGE_EDGE, IMAGE_SIZE, reflectPadded } from './data.ts';
import { type Tensor, tf } from './engine/tensorflow.ts';
import type { Settings } from './settings.ts';

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

/** @throws Error if a setting is out of range */
export function requireViews({
  testShift,
  predictSeconds,
}: Pick<Settings, 'testShift' | 'predictSeconds'>): void {
  // Reflection at the border needs as many pixels inside.
  if (!Number.isInteger(testShift) || testShift < 0 || testShift >= IMAGE_EDGE)
    throw new Error(`--set testShift=${testShift}: must be an integer from 0 to ${IMAGE_EDGE - 1}.`);
  if (predictSeconds <= 0) throw new Error(`--set predictSeconds=${predictSeconds}: must be more than 0.`);
}

/** A forward pass is about a third of a training step. */
const FORWARD_SHARE = 1 / 3;

/**
 * Returns the largest shift whose views of 1,000 images take no longer than allowed.
 *
 * @param most pixels
 * @param mirrors as for `viewsAveraged`
 * @param trainingSeconds per image and step
 * @param seconds that predictions may take
 */
export function affordableShift(
  most: number,
  mirrors: boolean,
  trainingSeconds: number,
  seconds: number,
): number {
  const secondsPerView = 1000 * FORWARD_SHARE * trainingSeconds;
  const views = (shift: number) => (2 * shift + 1) ** 2 * (mirrors ? 2 : 1);
  let shift = most;
  while (shift > 0 && views(shift) * secondsPerView > seconds) shift -= 1;
  return shift;
}
