import type { BatchStatistics } from '../engine/engine.ts';
import { type Tensor, tf } from '../engine/tensorflow.ts';

/**
 * Mirror-equivariant weights: the group convolution of Cohen and Welling 2016 (arXiv 1602.07576) for the group of the
 * identity and the mirror image. The channels of every layer are two halves; the second half computes of an image what
 * the first computes of its mirror image, mirrored. The weights of the first half are stored, and those of the second
 * follow from them. With one set of batch norm statistics for both halves, logits do not change if the image is
 * mirrored.
 *
 * Each stored weight occurs twice in the network. The mean of its two gradients is that of the whole network projected
 * onto mirror-equivariant ones, so learning rates and weight decay keep their meaning. The gradient of the loss is their
 * sum.
 */
export const OCCURRENCES = 2;

/**
 * Returns the filter of all output channels.
 *
 * @param stored float32 [3, 3, in, out / 2], of the first half of the output channels
 * @returns float32 [3, 3, in, out]
 */
export function wholeFilter(stored: Tensor): Tensor {
  const inputs = stored.shape[2]!;
  // The input has two halves as well, which change places.
  return withMirrored(stored, (input) => (input + inputs / 2) % inputs);
}

/** Returns the filter of all output channels where the input is an image, whose channels have no halves. */
export function wholeStemFilter(stored: Tensor): Tensor {
  return withMirrored(stored, (input) => input);
}

/** Returns values of all channels from those of the first half, which both halves share. @param stored [channels / 2, ...] */
export function wholeByChannel(stored: Tensor): Tensor {
  return tf.concat([stored, stored], 0);
}

/**
 * Returns statistics with which both halves of the channels agree: those of the values of both, since the channels of
 * a pair are the same function of an image and of its mirror image.
 */
export function pooledOverHalves({ mean, variance }: BatchStatistics): BatchStatistics {
  return tf.tidy(() => {
    const [first, second] = tf.split(mean, 2) as [Tensor, Tensor];
    const [ofFirst, ofSecond] = tf.split(variance, 2) as [Tensor, Tensor];
    const half = (sum: Tensor) => tf.mul(sum, 0.5) as Tensor;
    const between = tf.square(half(tf.sub(first, second) as Tensor)) as Tensor;
    return {
      mean: wholeByChannel(half(tf.add(first, second) as Tensor)),
      variance: wholeByChannel(tf.add(half(tf.add(ofFirst, ofSecond) as Tensor), between) as Tensor),
    };
  });
}

/**
 * Returns a filter with its mirror image behind it on the axis of output channels.
 *
 * The outputs of one input at one place of the filter are a row in memory. Rows are gathered, because tf.reverse and
 * tf.concat on that axis compute the place of every number.
 *
 * @param mirrorInput the input channel that takes the place of another one in the mirror image; its own inverse
 */
function withMirrored(filter: Tensor, mirrorInput: (input: number) => number): Tensor {
  const [height, width, inputs, outputs] = filter.shape as [number, number, number, number];
  const count = height * width * inputs;
  const mirrored = Int32Array.from({ length: count }, (_, row) => {
    const [place, input] = [Math.floor(row / inputs), row % inputs];
    const column = place % width;
    return (place - column + (width - 1 - column)) * inputs + mirrorInput(input);
  });
  const gathered = (values: Tensor, rows: Int32Array): Tensor =>
    tf.gather(tf.reshape(values, [-1, outputs]), tf.tensor1d(rows, 'int32'));

  const forwardAndGradient = () => {
    const rows = Int32Array.from({ length: 2 * count }, (_, row) =>
      row % 2 === 0 ? row / 2 : mirrored[(row - 1) / 2]!,
    );
    return {
      value: tf.reshape(gathered(filter, rows), [height, width, inputs, 2 * outputs]),
      gradFunc: (gradient: Tensor) => {
        const own = gathered(
          gradient,
          mirrored.map((_, row) => 2 * row),
        );
        const other = gathered(
          gradient,
          mirrored.map((row) => 2 * row + 1),
        );
        return tf.reshape(tf.add(own, other), filter.shape);
      },
    };
  };
  return tf.customGrad(forwardAndGradient as never)(filter);
}
