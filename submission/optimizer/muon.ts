import type { Engine } from '../engine/engine.ts';
import { type Tensor, tf } from '../engine/tensorflow.ts';
import type { Weights } from '../model/resnet9.ts';
import { orthogonalised } from './orthogonalise.ts';
import { replace } from './sgd.ts';

export interface MuonOptions {
  readonly muonMomentum: number;
  /** Decoupled: a step multiplies filters by 1 - rate decay. With 0 they are scaled to a fixed norm instead. */
  readonly muonWeightDecay: number;
  readonly muonIterations: number;
  readonly gradientCentralization: boolean;
}

/** Returns whether Muon updates a weight: the 3x3 filters. */
export const isFilter = (name: string): boolean => name.endsWith('.filter');

/**
 * Makes one step of Muon (Keller Jordan, https://kellerjordan.github.io/posts/muon; airbench94_muon) for the named
 * weights in place: the update of Nesterov's momentum, as a matrix of inputs by outputs, is orthogonalised and
 * subtracted `rate` times. Before it, without weight decay, a filter is scaled to the norm of an orthogonal one, the
 * square root of its outputs: batch norm makes its own length immaterial, and the rate becomes an angle.
 *
 * Disposes of replaced tensors; the caller keeps `gradients`.
 */
export function muonStep(
  engine: Engine,
  weights: Weights,
  velocity: Weights,
  gradients: Weights,
  names: readonly string[],
  rate: number,
  options: MuonOptions,
): void {
  const { weights: directions, velocities } = nesterov(engine, velocity, gradients, names, options);
  const stepped = tf.tidy(() => {
    const matrices = directions.map((direction) => tf.reshape(direction, [-1, direction.shape.at(-1)!]));
    const steps = orthogonalised(matrices as Tensor[], options.muonIterations, rate);
    return names.map((name, index) => {
      const weight = weights[name]!; // [3, 3, in, out]
      const kept = scaled(weight, weight.shape.at(-1)!, rate * options.muonWeightDecay);
      return tf.sub(kept, tf.reshape(steps[index]!, weight.shape)) as Tensor;
    });
  });
  for (const [index, name] of names.entries()) {
    replace(weights, name, stepped[index]!);
    replace(velocity, name, velocities[index]!);
  }
  tf.dispose(directions as never);
}

/** Returns the updates that SGD with Nesterov's momentum would subtract at rate 1, and the new velocities. */
function nesterov(
  engine: Engine,
  velocity: Weights,
  gradients: Weights,
  names: readonly string[],
  { muonMomentum, gradientCentralization }: MuonOptions,
) {
  return tf.tidy(() => {
    // A step from zero at rate -1 is the update itself.
    const updates = names.map((name) => ({
      weight: tf.zerosLike(velocity[name]!),
      velocity: velocity[name]!,
      gradient: gradients[name]!,
      rate: -1,
      decay: 0,
    }));
    const { weights, velocities } = engine.sgdStep(updates, {
      momentum: muonMomentum,
      gradientCentralization,
    });
    return { weights: [...weights], velocities: [...velocities] };
  });
}

function scaled(weight: Tensor, outputs: number, decay: number): Tensor {
  if (decay > 0) return tf.mul(weight, 1 - decay);
  return tf.mul(weight, tf.div(Math.sqrt(outputs), tf.sqrt(tf.sum(tf.square(weight)))));
}
