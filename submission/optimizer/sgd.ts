import { isNative } from '../engine/engine.ts';
import { bool, int, rawOf, runMany, tensorOf } from '../engine/ops.ts';
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
  const updates = Object.keys(weights).map(
    (name): Update => ({
      name,
      weight: weights[name]!,
      velocity: velocity[name]!,
      gradient: gradients[name]!,
      rate: options.learningRate * (isOffset(name) ? options.offsetRateFactor : 1),
      decay: options.weightDecay * (isOffset(name) ? options.offsetDecayFactor : 1),
    }),
  );
  const updated = (isNative() ? nativeUpdates : stockUpdates)(updates, options);
  for (const [index, { name }] of updates.entries()) {
    replace(weights, name, updated.weights[index]!);
    replace(velocity, name, updated.velocities[index]!);
  }
}

/** What a tensor of weights is updated by. */
interface Update {
  readonly name: string;
  readonly weight: Tensor;
  readonly velocity: Tensor;
  readonly gradient: Tensor;
  readonly rate: number;
  readonly decay: number;
}

/** New weights and velocities, in the order of the updates. */
interface Updated {
  readonly weights: readonly Tensor[];
  readonly velocities: readonly Tensor[];
}

function stockUpdates(updates: readonly Update[], options: SgdOptions): Updated {
  const updated = updates.map((update) => tf.tidy(() => stockUpdate(update, options)));
  return { weights: updated.map(([weight]) => weight), velocities: updated.map(([, velocity]) => velocity) };
}

function stockUpdate(
  { weight, velocity, gradient, rate, decay }: Update,
  { momentum, gradientCentralization }: SgdOptions,
): [Tensor, Tensor] {
  const centred = gradientCentralization ? centralized(gradient) : gradient;
  const direction = tf.add(centred, tf.mul(weight, decay));
  const newVelocity = tf.add(tf.mul(velocity, momentum), direction);
  const newWeight = tf.sub(weight, tf.mul(tf.add(direction, tf.mul(newVelocity, momentum)), rate));
  return [newWeight as Tensor, newVelocity as Tensor];
}

/** The same by one op for all. */
function nativeUpdates(updates: readonly Update[], options: SgdOptions): Updated {
  const tensors = (['weight', 'velocity', 'gradient'] as const).flatMap((name) =>
    updates.map((update) => update[name]),
  );
  const updated = tf.tidy(() => {
    const each = tf.tensor2d(updates.map(({ rate, decay }) => [rate, options.momentum, decay]));
    const attributes = [int('N', updates.length), bool('centralized', options.gradientCentralization)];
    return runMany('HaetSgd', [...tensors, each].map(rawOf), attributes, 2 * updates.length).map(tensorOf);
  });
  return { weights: updated.slice(0, updates.length), velocities: updated.slice(updates.length) };
}

function replace(tensors: Weights, name: string, tensor: Tensor): void {
  tensors[name]!.dispose();
  tensors[name] = tf.keep(tensor);
}
