import { type Tensor, tf } from '../engine/tensorflow.ts';
import type { Weights } from '../model/resnet9.ts';

export interface SgdOptions {
  readonly learningRate: number;
  readonly momentum: number;
  readonly weightDecay: number;
  /** Learning rate and decay of batch norm offsets, times those of the other weights (Page: 64 and 1/64). */
  readonly offsetRateFactor: number;
  readonly offsetDecayFactor: number;
}

/** Momentum buffers at zero. */
export const initialMomentum = (weights: Weights): Weights =>
  Object.fromEntries(Object.entries(weights).map(([name, weight]) => [name, tf.keep(tf.zerosLike(weight))]));

export const isOffset = (name: string): boolean => name.endsWith('.offset');

/**
 * One step of SGD with Nesterov's momentum in PyTorch's form, in place (Sutskever et al. 2013):
 * d = g + decay w;  v <- momentum v + d;  w <- w - rate (d + momentum v).
 * Replaced tensors are disposed of; `gradients` stay the caller's.
 */
export function sgdStep(weights: Weights, velocity: Weights, gradients: Weights, options: SgdOptions): void {
  const { momentum } = options;
  for (const name of Object.keys(weights)) {
    const weight = weights[name]!;
    const rate = options.learningRate * (isOffset(name) ? options.offsetRateFactor : 1);
    const decay = options.weightDecay * (isOffset(name) ? options.offsetDecayFactor : 1);
    const [newWeight, newVelocity] = tf.tidy(() => {
      const direction = tf.add(gradients[name]!, tf.mul(weight, decay));
      const newVelocity = tf.add(tf.mul(velocity[name]!, momentum), direction);
      const newWeight = tf.sub(weight, tf.mul(tf.add(direction, tf.mul(newVelocity, momentum)), rate));
      return [newWeight, newVelocity] as [Tensor, Tensor];
    });
    replace(weights, name, newWeight);
    replace(velocity, name, newVelocity);
  }
}

function replace(tensors: Weights, name: string, tensor: Tensor): void {
  tensors[name]!.dispose();
  tensors[name] = tf.keep(tensor);
}
