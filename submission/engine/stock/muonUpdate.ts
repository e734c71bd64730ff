import type { MuonOptions, Update, Updated } from '../engine.ts';
import { type Tensor, tf } from '../tensorflow.ts';
import { orthogonalised } from './orthogonalise.ts';
import { sgdUpdate } from './sgdUpdate.ts';

/** Computes `Engine.muonStep`. */
export function muonUpdate(updates: readonly Update[], options: MuonOptions): Updated {
  // A step of SGD from zero at rate -1 is the direction itself.
  const directions = updates.map((update) =>
    tf.tidy(() => sgdUpdate({ ...update, weight: tf.zerosLike(update.weight), rate: -1, decay: 0 }, options)),
  );
  const weights = tf.tidy(() => {
    const matrices = directions.map(
      ([direction]) => tf.reshape(direction, [-1, direction.shape.at(-1)!]) as Tensor,
    );
    const steps = orthogonalised(matrices, options.iterations);
    return updates.map(({ weight, rate, decay }, index) => {
      const step = tf.mul(tf.reshape(steps[index]!, weight.shape), rate);
      return tf.sub(kept(weight, rate * decay), step) as Tensor;
    });
  });
  for (const [direction] of directions) direction.dispose();
  return { weights, velocities: directions.map(([, velocity]) => velocity) };
}

function kept(weight: Tensor, decay: number): Tensor {
  if (decay > 0) return tf.mul(weight, 1 - decay);
  const outputs = weight.shape.at(-1)!;
  return tf.mul(weight, tf.div(Math.sqrt(outputs), tf.sqrt(tf.sum(tf.square(weight)))));
}
