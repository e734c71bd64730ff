import { type Tensor, tf } from '../engine/tensorflow.ts';
import type { Statistics, Weights } from '../model/resnet9.ts';

/**
 * How much of the average to keep when `passed` of the budget went by since it was last brought up to date, so that it
 * looks back over `horizon` of the budget on any machine: exp(-passed / horizon). Early on the plain mean of all so
 * far is nearer the truth, hence the cap.
 *
 * @param included how many weights the average holds already
 */
export function averageDecay(included: number, passed: number, horizon: number): number {
  return Math.min(Math.exp(-passed / horizon), included / (included + 1));
}

/** An exponential average of weights and batch norm statistics (Polyak and Juditsky 1992; Page's bag of tricks). */
export interface Average {
  readonly weights: Weights;
  readonly statistics: Statistics;
  /** Takes in what training has reached at a fraction of the budget. */
  include(weights: Weights, statistics: Statistics, fraction: number): void;
}

/** An average that starts at the given weights. */
export function createAverage(weights: Weights, statistics: Statistics, horizon: number): Average {
  const average = {
    weights: Object.fromEntries(Object.entries(weights).map(([name, weight]) => [name, copy(weight)])),
    statistics: Object.fromEntries(
      Object.entries(statistics).map(([block, { mean, variance }]) => [
        block,
        { mean: copy(mean), variance: copy(variance) },
      ]),
    ),
  };
  let included = 0;
  let includedAt = 0;
  return {
    ...average,
    include(weights, statistics, fraction) {
      const decay = averageDecay(included, fraction - includedAt, horizon);
      averageInto(average.weights, weights, decay);
      averageStatisticsInto(average.statistics, statistics, decay);
      included += 1;
      includedAt = fraction;
    },
  };
}

const copy = (tensor: Tensor): Tensor => tf.keep(tensor.clone());

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
