import { attempt } from './attempt.ts';
import { compareResults } from './compare.ts';
import { explainAttempt } from './explain.ts';
import type { Verdict } from './verdict.ts';

/**
 * Computes every block of the network forward and backward on the GPU and, with the same library, on the CPU, and
 * compares the results.
 *
 * @param limitSeconds for each of the two devices
 */
export async function proveGpu(limitSeconds: number): Promise<Verdict> {
  const gpu = await attempt('gpu', limitSeconds);
  const gpuFailure = explainAttempt(gpu, 'gpu');
  if (gpuFailure !== null) {
    return { failure: gpuFailure, version: gpu.version, compared: 0, largest: null };
  }
  const cpu = await attempt('cpu', limitSeconds);
  const cpuFailure = explainAttempt(cpu, 'cpu');
  if (cpuFailure !== null) {
    return { failure: cpuFailure, version: gpu.version, compared: 0, largest: null };
  }
  const { failure, largest } = compareResults(gpu.results, cpu.results);
  return { failure, version: gpu.version, compared: cpu.results.size, largest };
}
