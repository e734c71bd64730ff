import type { BatchStatistics, Engine } from '../engine/engine.ts';
import { type Tensor, tf } from '../engine/tensorflow.ts';
import type { Weights } from './resnet9.ts';

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
 * Returns the weights of all channels.
 *
 * @param stored of the first half of the output channels, float32: filters [3, 3, in, out / 2] (the inputs of `stem.filter`
 * are colours), offsets [out / 2], `head` [channels / 2, classes]
 * @returns by the same names, filters [3, 3, in, out], offsets [out], `head` [channels, classes]: new tensors
 */
export function mirroredWeights(engine: Engine, { head, ...stored }: Weights): Weights {
  const [fromImage, fromLayers] = byInput(stored);
  return {
    ...mapped(fromImage, (tensors) => engine.mirror(tensors, false)),
    ...mapped(fromLayers, (tensors) => engine.mirror(tensors, true)),
    // Both halves have the same share in a class.
    head: tf.concat([head!, head!], 0) as Tensor,
  };
}

/**
 * Returns the gradients of stored weights, which occur twice, from those of the weights that `mirroredWeights` returns.
 *
 * @returns new tensors
 */
export function mirroredGradients(engine: Engine, { head, ...whole }: Weights): Weights {
  const [fromImage, fromLayers] = byInput(whole);
  return {
    ...mapped(fromImage, (tensors) => engine.mirrorGradient(tensors, false)),
    ...mapped(fromLayers, (tensors) => engine.mirrorGradient(tensors, true)),
    head: tf.tidy(() => tf.addN(tf.split(head!, 2, 0) as Tensor[])),
  };
}

/** Separates the filter of the image from those of layers, whose inputs have two halves. Offsets go with either. */
function byInput({ 'stem.filter': fromImage, ...fromLayers }: Weights): [Weights, Weights] {
  return [{ 'stem.filter': fromImage! }, fromLayers];
}

/** Applies a function of many tensors to the weights, in their order. */
function mapped(weights: Weights, change: (tensors: readonly Tensor[]) => readonly Tensor[]): Weights {
  const changed = change(Object.values(weights));
  return Object.fromEntries(Object.keys(weights).map((name, index) => [name, changed[index]!]));
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
      mean: bothHalves(half(tf.add(first, second) as Tensor)),
      variance: bothHalves(tf.add(half(tf.add(ofFirst, ofSecond) as Tensor), between) as Tensor),
    };
  });
}

const bothHalves = (values: Tensor): Tensor => tf.concat([values, values], 0);
