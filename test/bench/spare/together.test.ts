import { expect, test } from '@jest/globals';
import { disagreements, togetherOf } from '../../../bench/spare/together.ts';

const classes = ['a', 'b'];
const labels = Uint8Array.from([0, 1, 0]);
// Scores of three images each; right: 0 and 1, 0 and 2, 1 only.
const first = Float32Array.from([3, 0, 0, 3, 0, 1]);
const second = Float32Array.from([1, 0, 1, 0, 3, 0]);
const third = Float32Array.from([0, 2, 0, 2, 0, 5]);

test('models predict together by the mean of their scores, in every group', () => {
  expect(togetherOf([first, second, third], labels, classes)).toEqual([
    // First and second are right in all; first and third, second and third in two and in one.
    { models: 2, accuracies: [1, 2 / 3, 1 / 3], mean: (1 + 2 / 3 + 1 / 3) / 3 },
    { models: 3, accuracies: [2 / 3], mean: 2 / 3 },
  ]);
});

test('the share of images that two models classify differently', () => {
  expect(disagreements([first, second, third], 2)).toEqual([2 / 3, 1 / 3, 1]);
});
