import type { Update, UpdateOptions } from '../engine.ts';
import { type Tensor, tf } from '../tensorflow.ts';
import { centralized } from './gradientCentralization.ts';

/** Computes `Engine.sgdStep` for one tensor. @returns the new weight and the new velocity */
export function sgdUpdate(
  { weight, velocity, gradient, rate, decay }: Update,
  { momentum, gradientCentralization }: UpdateOptions,
): [Tensor, Tensor] {
  const centred = gradientCentralization ? centralized(gradient) : gradient;
  const direction = tf.add(centred, tf.mul(weight, decay));
  const newVelocity = tf.add(tf.mul(velocity, momentum), direction);
  const newWeight = tf.sub(weight, tf.mul(tf.add(direction, tf.mul(newVelocity, momentum)), rate));
  return [newWeight as Tensor, newVelocity as Tensor];
}
