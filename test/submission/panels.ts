import { type Tensor, tf } from '../../submission/engine/tensorflow.ts';

/**
 * Converts images [batch, height, width, channels] to panels of eight channels, [batch, channels / 8, height, width,
 * 8].
 */
export function inPanels(images: Tensor): Tensor {
  const [batch, height, width, channels] = images.shape as [number, number, number, number];
  const split = tf.reshape(images, [batch, height, width, channels / 8, 8]);
  return tf.transpose(split, [0, 3, 1, 2, 4]) as Tensor;
}

/** Converts panels back to images. */
export function fromPanels(images: Tensor): Tensor {
  const [batch, panels, height, width] = images.shape as [number, number, number, number];
  return tf.reshape(tf.transpose(images, [0, 2, 3, 1, 4]), [batch, height, width, panels * 8]) as Tensor;
}
