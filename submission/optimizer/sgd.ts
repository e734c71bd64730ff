import { isNative } from '../engine/engine.ts';
import { bool, rawOf, runMany, tensorOf } from '../engine/ops.ts';
import { type Tensor, tf } from '../engine/tensorflow.ts';
import type { Weights } from '../model/resnet9.ts';
import { centralized } from './gradientCentralization.ts';

export interface SgdOptions {
  readonly learningRate: number;
  readonly momentum: number;
  readonly weightDecay: number;
  /** Learning rate and decay of batch norm offsets, times those of the other weights (Page: 64 and 1/64). */
  readonly offsetRateFactor: number;
  readonly offsetDecayFactor: number;
  readonly gradientCentralization: boolean;
}

/** Momentum buffers at zero. */
export const initialMomentum = (weights: Weights): Weights =>
  Object.fromEntries(Object.entries(weights).map(([name, weight]) => [name, tf.keep(tf.zerosLike(weight))]));

export const isOffset = (name: string): boolean => name.endsWith('.offset');

/**
 * One step of SGD with Nesterov's momentum in PyTorch's form, in place (Sutskever et al. 2013):
 * d = g + decay w, g centralized where that is wanted;  v <- momentum v + d;  w <- w - rate (d + momentum v).
 * Replaced tensors are disposed of; `gradients` stay the caller's.
 */
export function sgdStep(weights: Weights, velocity: Weights, gradients: Weights, options: SgdOptions): void {
  const { momentum, gradientCentralization } = options;
  const update = isNative() ? nativeUpdate : stockUpdate;
  for (const name of Object.keys(weights)) {
    const rate = options.learningRate * (isOffset(name) ? options.offsetRateFactor : 1);
    const decay = options.weightDecay * (isOffset(name) ? options.offsetDecayFactor : 1);
    const [newWeight, newVelocity] = tf.tidy(() =>
      update(weights[name]!, velocity[name]!, gradients[name]!, {
        rate,
        momentum,
        decay,
        gradientCentralization,
      }),
    );
    replace(weights, name, newWeight);
    replace(velocity, name, newVelocity);
  }
}

/** The new weight and the new velocity of one tensor. */
type Update = (
  weight: Tensor,
  velocity: Tensor,
  gradient: Tensor,
  options: { rate: number; momentum: number; decay: number; gradientCentralization: boolean },
) => [Tensor, Tensor];

const stockUpdate: Update = (
  weight,
  velocity,
  gradient,
  { rate, momentum, decay, gradientCentralization },
) => {
  const centred = gradientCentralization ? centralized(gradient) : gradient;
  const direction = tf.add(centred, tf.mul(weight, decay));
  const newVelocity = tf.add(tf.mul(velocity, momentum), direction);
  const newWeight = tf.sub(weight, tf.mul(tf.add(direction, tf.mul(newVelocity, momentum)), rate));
  return [newWeight as Tensor, newVelocity as Tensor];
};

/** The same in one pass over memory. */
const nativeUpdate: Update = (
  weight,
  velocity,
  gradient,
  { rate, momentum, decay, gradientCentralization },
) => {
  const options = tf.tensor1d([rate, momentum, decay]);
  const inputs = [weight, velocity, gradient, options].map(rawOf);
  const outputs = runMany('HaetSgd', inputs, [bool('centralized', gradientCentralization)], 2);
  return outputs.map(tensorOf) as [Tensor, Tensor];
};

function replace(tensors: Weights, name: string, tensor: Tensor): void {
  tensors[name]!.dispose();
  tensors[name] = tf.keep(tensor);
}
