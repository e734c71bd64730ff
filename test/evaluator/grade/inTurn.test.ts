import { expect, test } from '@jest/globals';
import { createTurns } from '../../../evaluator/grade/inTurn.ts';

test('functions are called one after the other, also after one that failed', async () => {
  const inTurn = createTurns();
  const said: string[] = [];
  const act = (name: string, fails: boolean) => async () => {
    said.push(`${name} starts`);
    await new Promise((resolve) => setImmediate(resolve));
    said.push(`${name} ends`);
    if (fails) throw new Error(name);
    return name;
  };
  const all = [inTurn(act('a', false)), inTurn(act('b', true)), inTurn(act('c', false))];
  const [a, b, c] = await Promise.allSettled(all);
  expect([a, b, c].map((each) => each!.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(said).toEqual(['a starts', 'a ends', 'b starts', 'b ends', 'c starts', 'c ends']);
});
