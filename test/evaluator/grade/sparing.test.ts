import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { createSparing } from '../../../evaluator/grade/sparing.ts';

/** An act that takes 20 ms and notes what there was when it began. */
function slowWrite(share: number) {
  let there = 0;
  const written: number[] = [];
  const sparing = createSparing(async () => {
    written.push(there);
    await sleep(20);
  }, share);
  const add = () => {
    there += 1;
    return sparing.ask();
  };
  return { sparing, written, add };
}

test('many requests at once are answered by few acts, and the last act sees all of them', async () => {
  const { sparing, written, add } = slowWrite(0.1);
  for (let count = 0; count < 50; count++) void add();
  await sparing.flush();
  expect(written).toEqual([1, 50]);
});

test('what was put off is done after some time, although nobody asks again', async () => {
  const { written, add } = slowWrite(0.5);
  await Promise.all([add(), add()]);
  for (let waited = 0; written.length < 2 && waited < 10_000; waited += 10) await sleep(10);
  expect(written).toEqual([1, 2]);
});

test('a failure of an act that was put off is thrown to whoever asks next', async () => {
  let fails = false;
  const sparing = createSparing(async () => {
    await sleep(5);
    if (fails) throw new Error('the disk is full');
  }, 0.9);
  await sparing.ask();
  fails = true;
  const asked = async () => {
    for (let times = 0; times < 1000; times++) {
      await sparing.ask();
      await sleep(5);
    }
  };
  await expect(asked()).rejects.toThrow('the disk is full');
});
