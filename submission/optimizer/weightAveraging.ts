import { isNative } from '../engine/engine.ts';
import { int, rawOf, runMany, tensorOf } from '../engine/ops.ts';
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
  const names = Object.keys(average);
  const tensorsOf = (weights: Weights) => names.map((name) => weights[name]!);
  const averaged = averages(tensorsOf(average), tensorsOf(latest), decay);
  for (const [index, name] of names.entries()) average[name] = averaged[index]!;
}

/** The same for batch norm statistics. */
export function averageStatisticsInto(average: Statistics, latest: Statistics, decay: number): void {
  const names = Object.keys(average);
  const tensorsOf = (statistics: Statistics) =>
    names.flatMap((name) => [statistics[name]!.mean, statistics[name]!.variance]);
  const averaged = averages(tensorsOf(average), tensorsOf(latest), decay);
  for (const [index, name] of names.entries())
    average[name] = { mean: averaged[2 * index]!, variance: averaged[2 * index + 1]! };
}

/** New averages, which are kept, for old ones, which are disposed of. */
function averages(old: readonly Tensor[], latest: readonly Tensor[], decay: number): readonly Tensor[] {
  const averaged = (isNative() ? nativeAverages : stockAverages)(old, latest, decay).map((tensor) =>
    tf.keep(tensor),
  );
  for (const tensor of old) tensor.dispose();
  return averaged;
}

type Averages = (old: readonly Tensor[], latest: readonly Tensor[], decay: number) => readonly Tensor[];

const stockAverages: Averages = (old, latest, decay) =>
  old.map((tensor, index) =>
    tf.tidy(() => tf.add(tf.mul(tensor, decay), tf.mul(latest[index]!, 1 - decay)) as Tensor),
  );

/** The same by one op for all. */
const nativeAverages: Averages = (old, latest, decay) =>
  tf.tidy(() => {
    const inputs = [...old, ...latest, tf.scalar(decay)].map(rawOf);
    return runMany('HaetAverage', inputs, [int('N', old.length)], old.length).map(tensorOf);
  });
