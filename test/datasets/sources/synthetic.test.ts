import { createHash } from 'node:crypto';
import { beforeAll, expect, test } from '@jest/globals';
import { Matrix, solve } from 'ml-matrix';
import { distinctImages } from '../../../datasets/distinctImages.ts';
import { findNearCopies } from '../../../datasets/nearCopies.ts';
import { IMAGE_BYTES, imageAt, type LabelledImages, type Source } from '../../../datasets/source.ts';
import { readSynthetic } from '../../../datasets/sources/synthetic.ts';

const trainSize = 1000;
const testSize = 300;
let source: Source;
let set: LabelledImages;
beforeAll(async () => {
  source = await readSynthetic({ perClass: (trainSize + testSize) / 10, seed: 3 });
  set = source.train;
});

const draw = async (seed: number, perClass = 2) => (await readSynthetic({ perClass, seed })).train.images;
const hashOf = (images: Uint8Array) => createHash('sha256').update(images).digest('hex');

test('a seed draws the recorded pixels on every machine, another seed others', async () => {
  expect(hashOf(await draw(1))).toBe('e5ebc3fd081f288361df718eaa89b0eab5ec32921e458ab56963c5c2634d7e5c');
  expect(hashOf(await draw(2))).not.toBe(hashOf(await draw(1)));
});

test('the first images are the same, however many are drawn', async () => {
  const few = await draw(1);
  expect(hashOf((await draw(1, 3)).subarray(0, few.length))).toBe(hashOf(few));
});

test('labels cycle through ten classes, so that all are equally frequent', () => {
  expect(source.classes).toHaveLength(10);
  expect([...set.labels]).toEqual(Array.from(set.labels, (_, index) => index % 10));
});

test('no image repeats, and none looks like another', () => {
  expect(distinctImages(source)).toMatchObject({ duplicates: 0, contradictions: 0 });
  const range = (from: number, length: number) => Array.from({ length }, (_, at) => from + at);
  const [train, test] = [range(0, 300), range(trainSize, testSize)];
  expect(findNearCopies(source, { train, test })).toMatchObject({ pairs: 0 });
  // The check does see a copy that differs a little.
  const images = set.images.slice();
  images.set(
    imageAt(set, 0).map((value, at) => (at % 7 === 0 ? Math.min(255, value + 2) : value)),
    trainSize * IMAGE_BYTES,
  );
  const withCopy = { ...source, train: { ...set, images } };
  expect(findNearCopies(withCopy, { train, test })).toMatchObject({ pairs: 1, acrossHalves: 1 });
});

test('simple models get little: shape decides, not pixels in their places or colours', () => {
  const accuracies = {
    linear: ridgeAccuracy((index) => averaged(set, index), 30),
    nearest: nearestAccuracy(),
    meanColour: ridgeAccuracy((index) => meanColour(set, index), 1e-3),
  };
  expect(accuracies.linear).toBeLessThan(0.45);
  expect(accuracies.nearest).toBeLessThan(0.45);
  expect(accuracies.meanColour).toBeLessThan(0.2);
});

/** Returns the mean of each channel and of its square, 0 to 1. */
function meanColour(images: LabelledImages, index: number): number[] {
  const sums = [0, 0, 0, 0, 0, 0];
  for (const [at, value] of imageAt(images, index).entries()) {
    sums[at % 3]! += value / 255 / 1024;
    sums[3 + (at % 3)]! += (value / 255) ** 2 / 1024;
  }
  return sums;
}

/** Returns the accuracy of the nearest neighbour in means over 4 x 4 pixels, on the test part. */
function nearestAccuracy(): number {
  const rows = Array.from(set.labels, (_, index) => Float64Array.from(averaged(set, index)));
  let correct = 0;
  for (let test = trainSize; test < trainSize + testSize; test++) {
    let [nearest, least] = [0, Number.POSITIVE_INFINITY];
    for (let train = 0; train < trainSize; train++) {
      let distance = 0;
      for (let at = 0; at < 192; at++) distance += (rows[test]![at]! - rows[train]![at]!) ** 2;
      if (distance < least) [nearest, least] = [train, distance];
    }
    correct += Number(set.labels[nearest] === set.labels[test]);
  }
  return correct / testSize;
}

/** Returns means over 4 x 4 pixels, 0 to 1: [8 * 8 * 3], so that the linear model has fewer weights than images. */
function averaged(images: LabelledImages, index: number): number[] {
  const means = new Array<number>(192).fill(0);
  for (const [at, value] of imageAt(images, index).entries()) {
    const [row, column] = [Math.floor(at / 96 / 4), Math.floor((at % 96) / 3 / 4)];
    means[(row * 8 + column) * 3 + (at % 3)]! += value / 255 / 16;
  }
  return means;
}

/** Returns the accuracy of ridge regression onto one-hot labels, with bias, on the test part. */
function ridgeAccuracy(featuresOf: (index: number) => number[], penalty: number): number {
  const rows = Array.from(set.labels, (_, index) => [...featuresOf(index), 1]);
  const train = new Matrix(rows.slice(0, trainSize));
  const targets = new Matrix(
    Array.from(set.labels.subarray(0, trainSize), (label) =>
      Array.from({ length: 10 }, (_, each) => Number(each === label)),
    ),
  );
  const gram = train.transpose().mmul(train);
  for (let axis = 0; axis < gram.rows; axis++) gram.set(axis, axis, gram.get(axis, axis) + penalty);
  const weights = solve(gram, train.transpose().mmul(targets));
  const scores = new Matrix(rows.slice(trainSize)).mmul(weights);
  let correct = 0;
  for (let row = 0; row < testSize; row++) {
    correct += Number(scores.maxRowIndex(row)[1] === set.labels[trainSize + row]);
  }
  return correct / testSize;
}
