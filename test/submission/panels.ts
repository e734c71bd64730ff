import { type Tensor, tf } from '../../submission/engine/tensorflow.ts';

/** Converts images [batch, height, width, channels] to panels, [batch, channels / lanes, height, width, lanes]. */
export function inPanels(images: Tensor, lanes: number): Tensor {
  const [batch, height, width, channels] = images.shape as [number, number, number, number];
  const split = tf.reshape(images, [batch, height, width, channels / lanes, lanes]);
  return tf.transpose(split, [0, 3, 1, 2, 4]) as Tensor;
}

/** Converts panels back to images. */
export function fromPanels(images: Tensor): Tensor {
  const [batch, panels, height, width, lanes] = images.shape as [number, number, number, number, number];
  return tf.reshape(tf.transpose(images, [0, 2, 3, 1, 4]), [batch, height, width, panels * lanes]) as Tensor;
}
