import type { Difference, Failure } from './verdict.ts';

/**
 * The largest allowed difference, relative to the norm of the CPU's result. NVIDIA GPUs since Ampere multiply float32 as
 * TF32, with 10 bits of mantissa: emulated on a CPU, that changed outputs by 0.05 % and gradients through a maximum pool
 * by up to 1.8 %, because rounding makes another pixel the maximum. bfloat16 in place of float32 changed them by 0.5 %
 * and up to 9 %. A kernel that computes something else is off by about 100 %.
 */
export const TOLERANCE = 0.1;

/** Results by name. */
export type Results = ReadonlyMap<string, Float32Array>;

/** Compares the results of the GPU with the CPU's: missing ones, values that are not finite, and the differences. */
export function compareResults(
  gpu: Results,
  cpu: Results,
): { failure: Failure | null; largest: Difference | null } {
  const remedy = 'update the NVIDIA driver, and report this line if that does not help';
  let largest: Difference | null = null;
  for (const [result, expected] of cpu) {
    const values = gpu.get(result);
    if (values?.length !== expected.length) {
      return { failure: { why: `the GPU did not compute the ${result}`, remedy }, largest };
    }
    const notFinite = values.find((value) => !Number.isFinite(value));
    if (notFinite !== undefined) {
      return {
        failure: {
          why: `the ${result} has the value ${notFinite} on the GPU and is finite on the CPU`,
          remedy,
        },
        largest,
      };
    }
    const difference = relativeDifference(values, expected);
    if (largest === null || difference > largest.difference) largest = { result, difference };
  }
  if (largest === null) return { failure: { why: 'nothing was computed', remedy }, largest };
  if (largest.difference <= TOLERANCE) return { failure: null, largest };
  const percent = (share: number) => `${Number((100 * share).toPrecision(2))} %`;
  const why = `the GPU computes wrong numbers: the ${largest.result} differs from the CPU's by ${percent(largest.difference)}, and rounding explains at most ${percent(TOLERANCE)}`;
  return { failure: { why, remedy }, largest };
}

/** Returns |values - expected| / |expected| in Euclidean norms. */
function relativeDifference(values: Float32Array, expected: Float32Array): number {
  let [distance, norm] = [0, 0];
  for (const [index, value] of expected.entries()) {
    distance += (values[index]! - value) ** 2;
    norm += value ** 2;
  }
  return distance === 0 ? 0 : Math.sqrt(distance / norm);
}
