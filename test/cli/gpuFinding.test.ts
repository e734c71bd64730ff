import { expect, test } from '@jest/globals';
import { gpuFinding } from '../../cli/gpuFinding.ts';

test('check-machine says how far a GPU that works differs from the CPU', () => {
  const largest = { result: 'output of stem in float32', difference: 0.00042 };
  expect(gpuFinding(JSON.stringify({ failure: null, version: '2.21.0', compared: 115, largest }))).toEqual({
    name: 'GPU',
    value:
      "works: 115 results agree with the CPU's; the largest difference is 0.042 %, of the output of stem in float32",
    remedy: null,
  });
});

test('check-machine says why a GPU does not work, and what to do', () => {
  const failure = { why: 'TensorFlow finds no GPU', remedy: 'check that nvidia-smi lists the GPU' };
  const line = JSON.stringify({ failure, version: '2.21.0', compared: 0, largest: null });
  expect(gpuFinding(line)).toEqual({
    name: 'GPU',
    value: 'does not work: TensorFlow finds no GPU',
    remedy: 'check that nvidia-smi lists the GPU',
  });
});

test('check-machine says so if the GPU could not be checked', () => {
  expect(gpuFinding('').value).toBe('could not be checked');
});
