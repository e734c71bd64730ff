import { expect, test } from '@jest/globals';
import { waitUntil } from '../../../evaluator/sandbox/waitUntil.ts';

test('waiting ends when the condition becomes true', async () => {
  let polls = 0;
  expect(await waitUntil(async () => ++polls === 5, 60)).toBe(true);
  expect(polls).toBe(5);
});

test('waiting ends at the timeout, after a last poll', async () => {
  let polls = 0;
  const start = performance.now();
  expect(await waitUntil(() => ++polls < 0, 0.05, 10)).toBe(false);
  expect(performance.now() - start).toBeGreaterThanOrEqual(50);
  expect(polls).toBeGreaterThanOrEqual(2);
  expect(polls).toBeLessThanOrEqual(7);
});

test('an error of the condition ends waiting', async () => {
  const broken = () => {
    throw new Error('broken');
  };
  await expect(waitUntil(broken, 60)).rejects.toThrow('broken');
});
