import { expect, test } from '@jest/globals';
import { forEachAtOnce } from '../../../evaluator/grade/forEachAtOnce.ts';

/** Lets all promises that can settle do so. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

test('items start in order, with at most the given number in progress', async () => {
  const started: number[] = [];
  const ends: (() => void)[] = [];
  const all = forEachAtOnce([1, 2, 3, 4], 2, (item) => {
    started.push(item);
    return new Promise((resolve) => ends.push(resolve));
  });
  await turn();
  expect(started).toEqual([1, 2]);
  ends[1]!();
  await turn();
  expect(started).toEqual([1, 2, 3]);
  for (const at of [0, 2]) ends[at]!();
  await turn();
  ends[3]!();
  await all;
  expect(started).toEqual([1, 2, 3, 4]);
});

test('after a failure nothing is started, and what is in progress ends before the failure is thrown', async () => {
  const ended: number[] = [];
  let told = 0;
  let endSecond = () => {};
  const all = forEachAtOnce(
    [1, 2, 3],
    2,
    async (item) => {
      if (item === 1) throw new Error('the disk is full');
      await new Promise<void>((resolve) => {
        endSecond = resolve;
      });
      ended.push(item);
    },
    () => {
      told += 1;
      setImmediate(() => endSecond());
    },
  );
  await expect(all).rejects.toThrow('the disk is full');
  expect({ ended, told }).toEqual({ ended: [2], told: 1 });
});
