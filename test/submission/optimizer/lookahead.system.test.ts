import { expect, test } from '@jest/globals';
import { type Tensor, tf } from '../../../submission/engine/tensorflow.ts';
import {
  createLookahead,
  lookaheadDecay,
  requireLookahead,
} from '../../../submission/optimizer/lookahead.ts';
import { defaultSettings } from '../../../submission/settings.ts';
import { engineOf } from '../engines.ts';

const engine = engineOf('stock');
const values = (tensor: Tensor) => Array.from(tensor.dataSync());
const weightsOf = (...numbers: number[]) => ({ w: tf.keep(tf.tensor(numbers)) }) as Record<string, Tensor>;

test('the decay is that of the steps between updates, times the cube of the elapsed share', () => {
  const settings = { lookaheadEvery: 5, lookaheadDecay: 0.95 };
  expect(lookaheadDecay(1, settings)).toBeCloseTo(0.95 ** 5, 12);
  expect(lookaheadDecay(0.5, settings)).toBeCloseTo(0.95 ** 5 / 8, 12);
});

test('weights continue from the slow ones, which follow them', () => {
  const weights = weightsOf(0, 8);
  const lookahead = createLookahead(engine, weights);
  weights.w = tf.keep(tf.tensor([4, 4]));
  lookahead.update(weights, 0.75);
  expect(values(weights.w!)).toEqual([1, 7]);
  weights.w = tf.keep(tf.tensor([3, 3]));
  lookahead.update(weights, 0.5);
  expect(values(weights.w!)).toEqual([2, 5]);
});

test('an update leaks no tensor, and dispose frees the slow weights', () => {
  const before = tf.memory().numTensors;
  const weights = weightsOf(1, 2);
  const lookahead = createLookahead(engine, weights);
  lookahead.update(weights, 0.5);
  lookahead.update(weights, 0.5);
  lookahead.dispose();
  tf.dispose(weights as never);
  expect(tf.memory().numTensors).toBe(before);
});

test('settings out of range are rejected', () => {
  requireLookahead(defaultSettings);
  requireLookahead({ lookaheadEvery: 5, lookaheadDecay: 0.95 });
  const rejected = (changes: object) => expect(() => requireLookahead({ ...defaultSettings, ...changes }));
  rejected({ lookaheadEvery: 2.5 }).toThrow('lookaheadEvery=2.5: must be 0 (off) or a positive integer');
  rejected({ lookaheadDecay: 1.1 }).toThrow('lookaheadDecay=1.1: must be from 0 to 1');
});
