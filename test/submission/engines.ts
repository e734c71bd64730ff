import { afterAll, beforeAll, describe, test } from '@jest/globals';
import { chooseEngine, type Engine } from '../../submission/engine/engine.ts';
import { whyNoNativeOps } from '../../submission/engine/native/addon.ts';

const missing = whyNoNativeOps();
/** A machine may be without the native ops for what it is, not for what set-up made of it. */
const mayBeMissing = missing === null || /^(a GPU computes|the CPU has no )/.test(missing);

/** The engines of this machine: TensorFlow's, and ours where it can run. */
export const engines: readonly Engine[] = missing === null ? ['stock', 'native'] : ['stock'];

/** For the tests of a `describe`: chooses an engine before them, and the stock one after. */
export function useEngine(engine: Engine): void {
  beforeAll(() => {
    chooseEngine(engine, 2);
  });
  afterAll(() => {
    chooseEngine('stock', 1);
  });
}

/** Describes tests of the native ops: skipped, with the reason, where this machine can have none; else failed. */
export function describeNative(title: string, tests: () => void): void {
  if (missing === null) {
    describe(title, () => {
      useEngine('native');
      tests();
    });
  } else if (mayBeMissing) describe.skip(`${title} (skipped: ${missing})`, tests);
  else {
    test(title, () => {
      throw new Error(missing);
    });
  }
}

/** Largest difference, as a share of the largest value but of `least` at least; infinite where one is not a number or missing. */
export function error(
  values: Iterable<number>,
  expected: ArrayLike<number>,
  least = Number.MIN_VALUE,
): number {
  let [difference, largest, index] = [0, least, 0];
  for (const value of values) {
    const distance = Math.abs(value - expected[index]!);
    difference = Number.isNaN(distance) ? Number.POSITIVE_INFINITY : Math.max(difference, distance);
    largest = Math.max(largest, Math.abs(expected[index]!));
    index += 1;
  }
  return index === expected.length ? difference / largest : Number.POSITIVE_INFINITY;
}
