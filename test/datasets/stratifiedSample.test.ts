import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { stratifiedSample, TooFewImages } from '../../datasets/stratifiedSample.ts';

/** A secret, 32 bytes. */
const secrets = fc.uint8Array({ minLength: 32, maxLength: 32 });

const requests = fc
  .record({
    labels: fc.array(fc.nat({ max: 3 }), { minLength: 1, maxLength: 200, size: 'max' }),
    trainPerClass: fc.integer({ min: 1, max: 10 }),
    testPerClass: fc.integer({ min: 1, max: 10 }),
    seed: fc.oneof(fc.nat({ max: 2 ** 32 - 1 }), secrets),
  })
  .map(({ labels, ...rest }) => ({
    ...rest,
    trainLabels: labels,
    train: labels.map((_, index) => index),
    test: null,
    classes: 4,
  }));

test('each half has the requested number of images per class, and no image twice', () => {
  let drawn = 0;
  fc.assert(
    fc.property(requests, (request) => {
      const smallest = Math.min(
        ...[0, 1, 2, 3].map((label) => request.trainLabels.filter((each) => each === label).length),
      );
      if (smallest < request.trainPerClass + request.testPerClass) {
        expect(() => stratifiedSample(request)).toThrow(TooFewImages);
        return;
      }
      drawn++;
      const { train, test: held } = stratifiedSample(request);
      expect(new Set([...train, ...held]).size).toBe(train.length + held.length);
      for (const label of [0, 1, 2, 3]) {
        const ofLabel = (half: number[]) =>
          half.filter((index) => request.trainLabels[index] === label).length;
        expect([ofLabel(train), ofLabel(held)]).toEqual([request.trainPerClass, request.testPerClass]);
      }
    }),
    { numRuns: 500 },
  );
  expect(drawn).toBeGreaterThan(50);
});

const hundred = {
  trainLabels: Array.from({ length: 400 }, (_, index) => index % 4),
  train: Array.from({ length: 400 }, (_, index) => index),
  test: null,
  classes: 4,
  trainPerClass: 40,
  testPerClass: 20,
  seed: 7,
};

test('the same seed draws the same images in the same order, another seed others', () => {
  expect(stratifiedSample(hundred)).toEqual(stratifiedSample(hundred));
  expect(stratifiedSample(hundred).train).not.toEqual(stratifiedSample({ ...hundred, seed: 8 }).train);
});

test('the same secret draws the same images in the same order, another secret others', () => {
  fc.assert(
    fc.property(secrets, secrets, (secret, other) => {
      fc.pre(Buffer.compare(secret, other) !== 0);
      const drawn = stratifiedSample({ ...hundred, seed: secret });
      expect(stratifiedSample({ ...hundred, seed: Uint8Array.from(secret) })).toEqual(drawn);
      const otherwise = stratifiedSample({ ...hundred, seed: other });
      expect(otherwise.train).not.toEqual(drawn.train);
      expect(otherwise.test).not.toEqual(drawn.test);
    }),
  );
});

test('the training images do not depend on the number of held-out ones', () => {
  expect(stratifiedSample({ ...hundred, testPerClass: 60 }).train).toEqual(stratifiedSample(hundred).train);
});

test('all held-out images are those that are not trained on, also of classes of different sizes', () => {
  const trainLabels = [...hundred.trainLabels, 0, 0, 3];
  const request = { ...hundred, trainLabels, train: trainLabels.map((_, index) => index) };
  const { train, test: held } = stratifiedSample({ ...request, testPerClass: 'all' });
  expect(train).toEqual(stratifiedSample({ ...request, testPerClass: 1 }).train);
  expect(held).toHaveLength(403 - 160);
  expect([...train, ...held].sort((a, b) => a - b)).toEqual(request.train);
  expect(held).not.toEqual(held.toSorted((a, b) => a - b));
  expect(() => stratifiedSample({ ...request, trainPerClass: 100, testPerClass: 'all' })).toThrow(
    TooFewImages,
  );
});

test('every image of a class is equally likely to be drawn', () => {
  const times = new Array(400).fill(0);
  for (let seed = 0; seed < 500; seed++) {
    for (const index of stratifiedSample({ ...hundred, seed }).test) times[index]++;
  }
  // 500 draws at probability 1/5: mean 100, standard deviation 9.
  expect(Math.min(...times)).toBeGreaterThan(60);
  expect(Math.max(...times)).toBeLessThan(140);
});

test('order is independent of the labels', () => {
  const labelsOf = (half: number[]) => half.map((index) => hundred.trainLabels[index]!);
  for (const half of ['train', 'test'] as const) {
    let same = 0;
    let pairs = 0;
    for (let seed = 0; seed < 200; seed++) {
      const labels = labelsOf(stratifiedSample({ ...hundred, seed })[half]);
      for (let row = 1; row < labels.length; row++, pairs++) same += Number(labels[row] === labels[row - 1]);
    }
    expect(Math.abs(same / pairs - 0.25)).toBeLessThan(0.02);
  }
});

test('held-out images come from the test set of the source if it has one', () => {
  const request = { ...hundred, test: { labels: [3, 2, 1, 0], indices: [0, 1, 2, 3] }, testPerClass: 1 };
  expect(stratifiedSample(request).test.toSorted()).toEqual([0, 1, 2, 3]);
  expect(() => stratifiedSample({ ...request, testPerClass: 2 })).toThrow(TooFewImages);
});
