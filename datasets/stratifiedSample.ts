import { randomFrom, type Seed, shuffle } from './random.ts';

/** A number of images per class, or all that are left. */
export type PerClass = number | 'all';

export interface StratifiedRequest {
  /** Label per candidate: `trainLabels[i]` belongs to image i. */
  readonly trainLabels: ArrayLike<number>;
  /** Indices of the candidates for training, and for testing too if `test` is null. */
  readonly train: readonly number[];
  readonly test: { readonly labels: ArrayLike<number>; readonly indices: readonly number[] } | null;
  readonly classes: number;
  readonly trainPerClass: number;
  /** `all`: every candidate that is not trained on, at least one per class. */
  readonly testPerClass: PerClass;
  readonly seed: Seed;
}

/** A class has fewer candidates than requested. */
export class TooFewImages extends Error {
  constructor(
    readonly label: number,
    readonly split: 'train' | 'test' | 'both',
    readonly available: number,
    readonly needed: number,
    /** All classes of this split with too few candidates. */
    readonly all: readonly { readonly label: number; readonly available: number }[],
  ) {
    super(`class ${label}: ${available} images, ${needed} needed`);
  }
}

/**
 * Draws the same number of images per class, or for testing all that are left, without replacement, each half in random
 * order. The training half does not depend on `testPerClass`, so two Tracks with one seed have the same training half.
 *
 * @returns indices into the candidates' sets; disjoint if both halves come from one set
 * @throws TooFewImages
 */
export function stratifiedSample(request: StratifiedRequest): { train: number[]; test: number[] } {
  const { classes, trainPerClass, testPerClass } = request;
  const fewest = testPerClass === 'all' ? 1 : testPerClass;
  const most = testPerClass === 'all' ? undefined : testPerClass;
  const random = randomFrom(request.seed);
  const trainPools = byClass(request.train, request.trainLabels, classes).map((pool) =>
    shuffle(pool, random),
  );
  if (request.test === null) requireEnough(trainPools, 'both', trainPerClass + fewest);
  else requireEnough(trainPools, 'train', trainPerClass);
  const train = trainPools.flatMap((pool) => pool.slice(0, trainPerClass));
  shuffle(train, random);

  const testPools =
    request.test === null
      ? trainPools.map((pool) => pool.slice(trainPerClass))
      : byClass(request.test.indices, request.test.labels, classes).map((pool) => shuffle(pool, random));
  requireEnough(testPools, 'test', fewest);
  const test = testPools.flatMap((pool) => pool.slice(0, most));
  return { train, test: shuffle(test, random) };
}

function requireEnough(
  pools: readonly (readonly number[])[],
  split: TooFewImages['split'],
  needed: number,
): void {
  const all = pools.flatMap((pool, label) =>
    pool.length < needed ? [{ label, available: pool.length }] : [],
  );
  const [first] = all;
  if (first !== undefined) throw new TooFewImages(first.label, split, first.available, needed, all);
}

function byClass(indices: readonly number[], labels: ArrayLike<number>, classes: number): number[][] {
  const pools: number[][] = Array.from({ length: classes }, () => []);
  for (const index of indices) pools[labels[index]!]!.push(index);
  return pools;
}
