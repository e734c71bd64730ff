import { describe, test } from '@jest/globals';
import { createEngine } from '../../submission/engine/createEngine.ts';
import type { Engine, EngineName } from '../../submission/engine/engine.ts';
import { whyNoNativeOps } from '../../submission/engine/native/addon.ts';

const missing = whyNoNativeOps();
/** The native ops may be missing because of the machine, but not because set-up did not build them. */
const mayBeMissing = missing === null || /^(a GPU is used|the CPU lacks )/.test(missing);

/** The engines of this machine by name: TensorFlow's, and the native one if it can run. */
export const engines: readonly EngineName[] = missing === null ? ['stock', 'native'] : ['stock'];

/** Creates an engine in float32 with two threads. */
export const engineOf = (engine: EngineName): Engine => createEngine({ engine, bfloat16: false }, 2);

/**
 * Describes tests of the native ops. They are skipped, with the reason, if the machine cannot run them, and fail
 * otherwise.
 */
export function describeNative(title: string, tests: () => void): void {
  if (missing === null) describe(title, tests);
  else if (mayBeMissing) describe.skip(`${title} (skipped: ${missing})`, tests);
  else {
    test(title, () => {
      throw new Error(missing);
    });
  }
}

/**
 * Returns the largest difference, relative to the largest value, or to `least` if that is larger; infinite if a value
 * is NaN or missing.
 */
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
