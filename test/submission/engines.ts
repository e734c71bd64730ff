import { describe, test } from '@jest/globals';
import { createEngine } from '../../submission/engine/createEngine.ts';
import type { Engine, EngineName } from '../../submission/engine/engine.ts';
import { nativeOps, nativeVariants, whyNotVariant } from '../../submission/engine/native/addon.ts';
import {
  nativeEngineName,
  nativePath,
  type Variant,
  variantOf,
  variantsOf,
} from '../../submission/engine/native/variants.ts';

/** The engines of this machine by name: TensorFlow's, and the native ones that can run. */
export const engines: readonly EngineName[] = ['stock', ...nativeVariants().map(nativeEngineName)];

/** Returns the lanes of an engine's panels; null if its activations are not in panels. */
export function lanesOf(engine: string): number | null {
  const variant = variantOf(engine);
  return variant === null ? null : nativeOps(variant)!.lanes;
}

/** Returns whether an engine multiplies in bfloat16: TensorFlow's does not here. */
export function inBfloat16(engine: EngineName): boolean {
  const variant = variantOf(engine);
  return variant !== null && nativePath(variant).bfloat16;
}

/** Creates an engine with two threads; TensorFlow's in float32. */
export const engineOf = (engine: EngineName): Engine =>
  createEngine({ engine, bfloat16: inBfloat16(engine) }, 2);

/**
 * Describes tests of every variant of the native ops for this processor. Those of a variant that the machine cannot run are skipped, with
 * the reason; they fail if set-up has not built it.
 */
export function describeNative(title: string, tests: (variant: Variant) => void): void {
  for (const variant of variantsOf(process.arch)) {
    const missing = whyNotVariant(variant);
    const name = `${title}, ${variant}`;
    if (missing === null) describe(name, () => tests(variant));
    else if (/^(a GPU is used|the CPU lacks )/.test(missing)) {
      // `describe.skip` would call `tests`, which needs the ops.
      test.skip(`${name} (skipped: ${missing})`, () => {});
    } else {
      test(name, () => {
        throw new Error(missing);
      });
    }
  }
}

/** Returns the root mean square of the differences, relative to that of the expected values; NaN if a value is. */
export function rmsError(values: ArrayLike<number>, expected: ArrayLike<number>): number {
  let [differences, squares] = [0, 0];
  for (let index = 0; index < expected.length; index += 1) {
    differences += (values[index]! - expected[index]!) ** 2;
    squares += expected[index]! ** 2;
  }
  return Math.sqrt(differences / squares);
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
