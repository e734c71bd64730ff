import { expect, test } from '@jest/globals';
import { compareResults } from '../../../submission/gpuProof/compare.ts';

const results = (values: Record<string, number[]>) =>
  new Map(Object.entries(values).map(([name, floats]) => [name, Float32Array.from(floats)]));
const cpu = results({ output: [3, 4], gradient: [0, 0, 0] });

test('equal results pass, also if they are all zero', () => {
  expect(compareResults(cpu, cpu)).toEqual({ failure: null, largest: { result: 'output', difference: 0 } });
});

test('the largest difference is relative to the norm of the result', () => {
  const { failure, largest } = compareResults(results({ output: [3, 4.25], gradient: [0, 0, 0] }), cpu);
  expect(failure).toBeNull();
  expect(largest).toEqual({ result: 'output', difference: 0.05 });
});

test.each([
  [
    'a difference that rounding does not explain',
    { output: [3, 5], gradient: [0, 0, 0] },
    /wrong numbers: the output differs from the CPU's by 20 %, and rounding explains at most 10 %/,
  ],
  ['a value where the CPU has none', { output: [3, 4], gradient: [0, 1, 0] }, /wrong numbers: the gradient/],
  ['NaN', { output: [3, 4], gradient: [0, Number.NaN, 0] }, /the gradient has the value NaN on the GPU/],
  [
    'infinity',
    { output: [3, -Infinity], gradient: [0, 0, 0] },
    /the output has the value -Infinity on the GPU/,
  ],
  ['a missing result', { output: [3, 4] }, /the GPU did not compute the gradient/],
  ['a result of another size', { output: [3], gradient: [0, 0, 0] }, /the GPU did not compute the output/],
])('%s fails', (_, gpu, why) => {
  expect(compareResults(results(gpu as Record<string, number[]>), cpu).failure?.why).toMatch(why);
});

test('no results at all fail', () => {
  expect(compareResults(new Map(), new Map()).failure?.why).toBe('nothing was computed');
});
