import { mean } from 'simple-statistics';
import { argmax, type Scores, score } from '../../evaluator/score/score.ts';

/** The models of several runs that predict together, by the mean of their scores. */
export interface Together {
  /** Models in a group. */
  readonly models: number;
  /** Fraction of 1, one per group of `models` models, in the order of the runs: [0, 1], [0, 2], ... */
  readonly accuracies: readonly number[];
  /** Of the accuracies. They have no interval, because groups share models. */
  readonly mean: number;
}

/**
 * Scores all groups of two models, of three, and so on.
 *
 * @param scores of each model, two or more, each [images, classes]
 * @param labels uint8 [images]
 */
export function togetherOf(
  scores: readonly Scores[],
  labels: Uint8Array,
  classes: readonly string[],
): Together[] {
  return Array.from({ length: scores.length - 1 }, (_, index) => {
    const models = index + 2;
    const accuracies = choices(scores, models).map((group) => score(meanOf(group), labels, classes).accuracy);
    return { models, accuracies, mean: mean(accuracies) };
  });
}

/** Returns the shares of the images that each two models classify differently, in the order [0, 1], [0, 2], ... */
export function disagreements(scores: readonly Scores[], classes: number): number[] {
  const predicted = scores.map((each) =>
    Array.from({ length: each.length / classes }, (_, image) =>
      argmax(each.subarray(image * classes, (image + 1) * classes)),
    ),
  );
  return choices(predicted, 2).map(([one, other]) => {
    const differing = one!.filter((label, image) => label !== other![image]).length;
    return differing / one!.length;
  });
}

/** Returns all choices of `size` items, each in the order of the items. */
function choices<T>(items: readonly T[], size: number): T[][] {
  if (size === 0) return [[]];
  return items.flatMap((item, index) =>
    choices(items.slice(index + 1), size - 1).map((others) => [item, ...others]),
  );
}

function meanOf(group: readonly Scores[]): Float64Array {
  const sum = new Float64Array(group[0]!.length);
  for (const scores of group) for (let at = 0; at < sum.length; at += 1) sum[at]! += scores[at]!;
  return sum.map((value) => value / group.length);
}
