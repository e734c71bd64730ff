import type { Engine } from '../engine/engine.ts';
import { type Tensor, tf } from '../engine/tensorflow.ts';
import type { Statistics, Weights } from '../model/resnet9.ts';

/**
 * Returns the decay of the average after `passed` of the budget, for a horizon that is a fixed share of the budget on
 * any machine: exp(-passed / horizon). Early on it is capped to that of the plain mean, which is more accurate.
 *
 * @param included number of updates so far
 */
export function averageDecay(included: number, passed: number, horizon: number): number {
  return Math.min(Math.exp(-passed / horizon), included / (included + 1));
}

/** An exponential average of weights and batch norm statistics (Polyak and Juditsky 1992; Page's bag of tricks). */
export interface Average {
  readonly weights: Weights;
  readonly statistics: Statistics;
  /** Adds the current weights and statistics at an elapsed fraction of the budget. */
  include(weights: Weights, statistics: Statistics, fraction: number): void;
}

/** Creates an average that starts from the given weights. */
export function createAverage(
  engine: Engine,
  weights: Weights,
  statistics: Statistics,
  horizon: number,
): Average {
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
      averageInto(engine, average.weights, weights, decay);
      averageStatisticsInto(engine, average.statistics, statistics, decay);
      included += 1;
      includedAt = fraction;
    },
  };
}

const copy = (tensor: Tensor): Tensor => tf.keep(tensor.clone());

/** Computes average <- decay average + (1 - decay) latest in place, and disposes of replaced tensors. */
export function averageInto(engine: Engine, average: Weights, latest: Weights, decay: number): void {
  const names = Object.keys(average);
  const tensorsOf = (weights: Weights) => names.map((name) => weights[name]!);
  const averaged = averages(engine, tensorsOf(average), tensorsOf(latest), decay);
  for (const [index, name] of names.entries()) average[name] = averaged[index]!;
}

/** Does the same for batch norm statistics. */
export function averageStatisticsInto(
  engine: Engine,
  average: Statistics,
  latest: Statistics,
  decay: number,
): void {
  const names = Object.keys(average);
  const tensorsOf = (statistics: Statistics) =>
    names.flatMap((name) => [statistics[name]!.mean, statistics[name]!.variance]);
  const averaged = averages(engine, tensorsOf(average), tensorsOf(latest), decay);
  for (const [index, name] of names.entries())
    average[name] = { mean: averaged[2 * index]!, variance: averaged[2 * index + 1]! };
}

/** Returns new averages, which are kept, and disposes of the old ones. */
function averages(
  engine: Engine,
  old: readonly Tensor[],
  latest: readonly Tensor[],
  decay: number,
): readonly Tensor[] {
  const averaged = engine.average(old, latest, decay).map((tensor) => tf.keep(tensor));
  for (const tensor of old) tensor.dispose();
  return averaged;
}
