import type { Engine, UpdateOptions } from '../engine/engine.ts';
import { type Tensor, tf } from '../engine/tensorflow.ts';
import type { Weights } from '../model/resnet9.ts';

export interface SgdOptions extends UpdateOptions {
  readonly learningRate: number;
  readonly weightDecay: number;
  /** Learning rate and decay of batch norm offsets, relative to those of the other weights (Page: 64 and 1/64). */
  readonly offsetRateFactor: number;
  readonly offsetDecayFactor: number;
}

/** Returns momentum buffers of zeros. */
export const initialMomentum = (weights: Weights): Weights =>
  Object.fromEntries(Object.entries(weights).map(([name, weight]) => [name, tf.keep(tf.zerosLike(weight))]));

export const isOffset = (name: string): boolean => name.endsWith('.offset');

/**
 * Makes one step of SGD in place, see `Engine.sgdStep`. Disposes of replaced tensors; the caller keeps `gradients`.
 *
 * @param names of the weights to update; by default all
 */
export function sgdStep(
  engine: Engine,
  weights: Weights,
  velocity: Weights,
  gradients: Weights,
  options: SgdOptions,
  names: readonly string[] = Object.keys(weights),
): void {
  const updated = engine.sgdStep(
    names.map((name) => ({
      weight: weights[name]!,
      velocity: velocity[name]!,
      gradient: gradients[name]!,
      rate: options.learningRate * (isOffset(name) ? options.offsetRateFactor : 1),
      decay: options.weightDecay * (isOffset(name) ? options.offsetDecayFactor : 1),
    })),
    options,
  );
  for (const [index, name] of names.entries()) {
    replace(weights, name, updated.weights[index]!);
    replace(velocity, name, updated.velocities[index]!);
  }
}

/** Puts a new tensor, which is kept, in the place of one that is disposed of. */
export function replace(tensors: Weights, name: string, tensor: Tensor): void {
  tensors[name]!.dispose();
  tensors[name] = tf.keep(tensor);
}
