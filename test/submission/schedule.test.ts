import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { learningRate, plainShare, usesSam } from '../../submission/schedule.ts';

const settings = { peakLearningRate: 0.4, finalLearningRate: 0.1, warmUp: 0.2 };

test('the learning rate rises from 0 to the peak and falls to its final share', () => {
  expect(learningRate(0, settings)).toBe(0);
  expect(learningRate(0.1, settings)).toBeCloseTo(0.2);
  expect(learningRate(0.2, settings)).toBeCloseTo(0.4);
  expect(learningRate(0.6, settings)).toBeCloseTo(0.22);
  expect(learningRate(1, settings)).toBeCloseTo(0.04);
});

test('the learning rate never leaves the range from 0 to the peak', () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 2, noNaN: true }), (fraction) => {
      const rate = learningRate(fraction, settings);
      return rate >= 0 && rate <= settings.peakLearningRate + 1e-12;
    }),
  );
});

test('SAM is on at every k-th step after its fraction, and never if k is 0', () => {
  expect(usesSam(4, 0.5, { samEvery: 2, samFrom: 0.5 })).toBe(true);
  expect(usesSam(5, 0.5, { samEvery: 2, samFrom: 0.5 })).toBe(false);
  expect(usesSam(4, 0.4, { samEvery: 2, samFrom: 0.5 })).toBe(false);
  expect(usesSam(4, 0.5, { samEvery: 0, samFrom: 0 })).toBe(false);
});

test('steps that compute two gradients leave time for fewer steps', () => {
  expect(plainShare(0.25, { samEvery: 0, samFrom: 0 })).toBe(0.75);
  expect(plainShare(0, { samEvery: 1, samFrom: 0 })).toBe(0.5);
  // Half of the budget with one gradient per step, half with two at every second step.
  expect(plainShare(0, { samEvery: 2, samFrom: 0.5 })).toBeCloseTo(0.5 + 0.5 / 1.5, 12);
  expect(plainShare(0.8, { samEvery: 2, samFrom: 0.5 })).toBeCloseTo(0.2 / 1.5, 12);
});
