import { type Tensor, tf } from '../engine/tensorflow.ts';
import type { Statistics, Weights } from '../model/resnet9.ts';

/**
 * How much of the average to keep at a step that took `stepFraction` of the budget, so that it looks back over
 * `horizon` of the budget on any machine: exp(-stepFraction / horizon). Early on the plain mean of all steps so far
 * is nearer the truth, hence the cap.
 *
 * @param step number of steps averaged before this one
 */
export function averageDecay(step: number, stepFraction: number, horizon: number): number {
  return Math.min(Math.exp(-stepFraction / horizon), step / (step + 1));
}

/** average <- decay average + (1 - decay) latest, in place; replaced tensors are disposed of. */
export function averageInto(average: Weights, latest: Weights, decay: number): void {
  for (const name of Object.keys(average)) average[name] = blend(average[name]!, latest[name]!, decay);
}

/** The same for batch norm statistics. */
export function averageStatisticsInto(average: Statistics, latest: Statistics, decay: number): void {
  for (const name of Object.keys(average)) {
    const [old, now] = [average[name]!, latest[name]!];
    average[name] = {
      mean: blend(old.mean, now.mean, decay),
      variance: blend(old.variance, now.variance, decay),
    };
  }
}

function blend(average: Tensor, latest: Tensor, decay: number): Tensor {
  const blended = tf.keep(tf.tidy(() => tf.add(tf.mul(average, decay), tf.mul(latest, 1 - decay)) as Tensor));
  average.dispose();
  return blended;
}
