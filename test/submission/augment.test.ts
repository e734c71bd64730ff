import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { augmentationFor, createAugmenter } from '../../submission/augment.ts';
import { IMAGE_SIZE, reflectPadded } from '../../submission/data.ts';
import { defaultSettings, type Settings } from '../../submission/settings.ts';

const classes = 4;
const count = 24;
/** Expected epochs of a run with the full share of CutMix. */
const LONG = 100;
const labels = Uint8Array.from({ length: count }, (_, index) => index % classes);
/** Makes images of one colour that identifies each image: no crop or flip changes it. */
const plain = Uint8Array.from(
  { length: count * IMAGE_SIZE },
  (_, index) => 10 * Math.floor(index / IMAGE_SIZE),
);
const augmenter = (changes: Partial<Settings>, images = plain, seed = 1) =>
  createAugmenter(
    images,
    labels,
    classes,
    { ...defaultSettings, batchSize: 8, cutmixProbability: 0, distortProbability: 0, ...changes },
    seed,
  );

test('returns every image once per epoch', () => {
  const { next, epochs, normalisation } = augmenter({});
  const seen: number[] = [];
  for (let batch = 0; batch < count / 8; batch += 1) {
    const { images } = next(0, LONG);
    for (let slot = 0; slot < 8; slot += 1) {
      const value = images[slot * IMAGE_SIZE]! * normalisation.deviation[0]! + normalisation.mean[0]!;
      seen.push(Math.round(value / 10));
    }
  }
  expect(seen.sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, index) => index));
  expect(epochs()).toBe(1);
});

test('targets are rows of probabilities with the smoothed share at the label', () => {
  const { targets, labels } = augmenter({ labelSmoothing: 0.2 }).next(0, LONG);
  for (let slot = 0; slot < 8; slot += 1) {
    const row = Array.from(targets.subarray(slot * classes, (slot + 1) * classes));
    expect(row[labels[slot]!]).toBeCloseTo(0.85);
    expect(row.reduce((sum, share) => sum + share)).toBeCloseTo(1);
  }
});

test('CutMix mixes targets by the pasted area', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 31 }), (seed) => {
      const { next } = augmenter({ cutmixProbability: 1, labelSmoothing: 0 }, plain, seed);
      const { images, targets } = next(0, LONG);
      for (let slot = 0; slot < 8; slot += 1) {
        const image = images.subarray(slot * IMAGE_SIZE, (slot + 1) * IMAGE_SIZE);
        const colours = new Map<number, number>();
        for (let pixel = 0; pixel < 1024; pixel += 1) {
          const colour = image[pixel * 3]!;
          colours.set(colour, (colours.get(colour) ?? 0) + 1);
        }
        const shares = [...colours.values()].map((pixels) => pixels / 1024).sort((a, b) => b - a);
        const row = Array.from(targets.subarray(slot * classes, (slot + 1) * classes));
        const sum = row.reduce((total, share) => total + share);
        const largest = Math.max(...row);
        // Two images of one class add up to one label.
        if (Math.abs(sum - 1) > 1e-6 || (largest < 1 - 1e-6 && Math.abs(largest - shares[0]!) > 1e-6))
          return false;
      }
      return true;
    }),
  );
});

test('CutMix stops at its fraction of the budget', () => {
  const { next } = augmenter({ cutmixProbability: 1, cutmixUntil: 0.5, labelSmoothing: 0 });
  expect(Math.max(...next(0.6, LONG).targets.subarray(0, classes))).toBe(1);
});

test('cutout sets a square to the mean colour', () => {
  const { images } = augmenter({ cutoutSize: 8 }).next(0, LONG);
  const greys = Array.from({ length: 8 }, (_, slot) =>
    images
      .subarray(slot * IMAGE_SIZE, (slot + 1) * IMAGE_SIZE)
      .reduce((zeros, value) => zeros + (value === 0 ? 1 : 0), 0),
  );
  expect(Math.max(...greys)).toBe(8 * 8 * 3);
  expect(Math.min(...greys)).toBeGreaterThanOrEqual(4 * 4 * 3);
});

test('without crops, an image and its mirror image alternate from epoch to epoch', () => {
  const ramp = Uint8Array.from(
    { length: count * IMAGE_SIZE },
    (_, index) => (Math.floor(index / 3) % 32) * 4,
  );
  const { next } = augmenter({ cropPadding: 0, batchSize: count }, ramp);
  const flipped = () => {
    const { images } = next(0, LONG);
    return Array.from({ length: count }, (_, slot) => images[slot * IMAGE_SIZE]! > 0);
  };
  const [even, odd] = [flipped(), flipped()];
  const share = even.filter(Boolean).length;
  expect(share).toBeGreaterThan(0);
  expect(share).toBeLessThan(count);
  expect(odd.filter(Boolean).length).toBe(count - share);
});

test('one seed gives one stream, another seed another', () => {
  const bytes = (seed: number) =>
    Buffer.from(augmenter({ cutmixProbability: 1 }, plain, seed).next(0, LONG).images.buffer);
  expect(bytes(3).equals(bytes(3))).toBe(true);
  expect(bytes(3).equals(bytes(4))).toBe(false);
});

test('padding reflects without repeating the edge', () => {
  const columns = Float32Array.from({ length: IMAGE_SIZE }, (_, index) => Math.floor(index / 3) % 32);
  const padded = reflectPadded(columns, 2);
  const row = Array.from({ length: 36 }, (_, column) => padded[column * 3]);
  expect(row.slice(0, 4)).toEqual([2, 1, 0, 1]);
  expect(row.slice(-4)).toEqual([30, 31, 30, 29]);
});

describe('with the expected epochs of the run', () => {
  const { cutmixFromEpochs, cutmixFullEpochs, cutmixProbability } = defaultSettings;
  const { distortFromEpochs, distortFullEpochs, distortProbability } = defaultSettings;
  const all = { cutmix: cutmixProbability, cutout: 0, distortion: distortProbability };

  test('the shares of distortion, and then of CutMix in place of cutout, rise linearly from none to all', () => {
    const at = (epochs: number) => augmentationFor(epochs, defaultSettings);
    const none = { cutmix: 0, cutout: 1, distortion: 0 };
    expect(at(1)).toEqual(none);
    expect(at(distortFromEpochs)).toEqual(none);
    expect(at((distortFromEpochs + distortFullEpochs) / 2)).toEqual({
      ...none,
      distortion: distortProbability / 2,
    });
    expect(at(distortFullEpochs)).toEqual({ ...none, distortion: distortProbability });
    expect(at(cutmixFromEpochs)).toEqual({ ...none, distortion: distortProbability });
    expect(at((cutmixFromEpochs + cutmixFullEpochs) / 2)).toEqual({
      ...all,
      cutmix: cutmixProbability / 2,
      cutout: 0.5,
    });
    expect(at(cutmixFullEpochs)).toEqual(all);
    expect(at(1e6)).toEqual(all);
  });

  test('cutout stays on at any length if CutMix is off, and all is on if it needs no epochs', () => {
    expect(augmentationFor(1e6, { ...defaultSettings, cutmixProbability: 0 }).cutout).toBe(1);
    const always = { cutmixFromEpochs: 0, cutmixFullEpochs: 0, distortFromEpochs: 0, distortFullEpochs: 0 };
    expect(augmentationFor(3, { ...defaultSettings, ...always })).toEqual(all);
  });

  test('batches are mixed as often as that', () => {
    const { next } = augmenter({ cutmixProbability: 1, labelSmoothing: 0 });
    const isMixed = (epochs: number) => next(0, epochs).targets.some((share) => share > 0 && share < 1);
    const mixedOf200 = (epochs: number) => Array.from({ length: 200 }, () => isMixed(epochs)).filter(Boolean);
    expect(mixedOf200(cutmixFromEpochs)).toHaveLength(0);
    expect(mixedOf200(cutmixFullEpochs)).toHaveLength(200);
    const half = mixedOf200((cutmixFromEpochs + cutmixFullEpochs) / 2).length;
    expect(half).toBeGreaterThan(60);
    expect(half).toBeLessThan(140);
  });
});

test('distorts the given share of the images, less in a shorter run, until its fraction of the budget', () => {
  const { distortFromEpochs, distortFullEpochs } = defaultSettings;
  const share = (gone: number, epochs = LONG) => {
    const { next, normalisation } = augmenter({ distortProbability: 0.5, distortUntil: 0.8, distortGain: 0 });
    const seen = new Set<number>();
    let distorted = 0;
    for (let batch = 0; batch < 120; batch += 1) {
      const { images } = next(gone, epochs);
      for (let slot = 0; slot < 8; slot += 1) {
        const value = images[slot * IMAGE_SIZE]! * normalisation.deviation[0]! + normalisation.mean[0]!;
        // No map changes an image of one colour, so only those with another colour are counted.
        if (Math.abs(value / 10 - Math.round(value / 10)) > 1e-3) distorted += 1;
        seen.add(Math.round(value / 10));
      }
    }
    expect(seen.size).toBeGreaterThan(10);
    return distorted / 960;
  };
  expect(share(0.5)).toBeGreaterThan(0.4);
  expect(share(0.5)).toBeLessThan(0.6);
  expect(share(0.5, (distortFromEpochs + distortFullEpochs) / 2)).toBeLessThan(0.35);
  expect(share(0.5, distortFromEpochs)).toBe(0);
  expect(share(0.9)).toBe(0);
});

test('with TrivialAugment changes the given share of the images by one random operation', () => {
  const noise = Uint8Array.from(plain, (_, index) => (index * 7919 + (index >> 10)) % 256);
  const at = (gone: number, distortProbability: number) =>
    augmenter(
      { distortMethod: 'trivial', distortProbability, distortUntil: 0.8, cropPadding: 0 },
      noise,
    ).next(gone, LONG).images;
  const changed = (gone: number) => {
    const [before, after] = [at(0, 0), at(gone, 1)];
    const isChanged = (slot: number) =>
      before
        .subarray(slot * IMAGE_SIZE, (slot + 1) * IMAGE_SIZE)
        .some((value, index) => Math.abs(value - after[slot * IMAGE_SIZE + index]!) > 1e-3);
    return Array.from({ length: 8 }, (_, slot) => slot).filter(isChanged).length;
  };
  expect(changed(0.7)).toBeGreaterThan(5);
  expect(changed(0.8)).toBe(0);
});
