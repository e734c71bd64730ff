import { expect, test } from '@jest/globals';
import { PATCH, patchCovariance, whiteningFilters } from '../../../submission/model/whitening.ts';

/** Returns smooth noise: neighbours are similar, as in photographs. */
function images(count: number): Float32Array {
  let state = 1;
  const random = () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647 - 0.5;
  };
  const pixels = new Float32Array(count * 32 * 32 * 3);
  for (let index = 0; index < pixels.length; index += 1) {
    pixels[index] = 0.6 * (pixels[index - 3] ?? 0) + 0.3 * (pixels[index - 1] ?? 0) + random();
  }
  return pixels;
}

/** Computes the second moments by the definition, one patch after the other. */
function secondMoments(pictures: Float32Array, height: number, width: number): number[] {
  const moments = new Array<number>(PATCH * PATCH).fill(0);
  const count = pictures.length / (height * width * 3);
  let patches = 0;
  for (let picture = 0; picture < count; picture += 1) {
    for (let top = 0; top + 3 <= height; top += 2) {
      for (let left = 0; left + 3 <= width; left += 2) {
        const patch = Array.from({ length: PATCH }, (_, tap) => {
          const [row, inRow] = [Math.floor(tap / 9), tap % 9];
          return pictures[((picture * height + top + row) * width + left) * 3 + inRow]!;
        });
        for (let a = 0; a < PATCH; a += 1)
          for (let b = 0; b < PATCH; b += 1) moments[a * PATCH + b]! += patch[a]! * patch[b]!;
        patches += 1;
      }
    }
  }
  return moments.map((sum) => sum / patches);
}

// More images than are in memory at once.
test('the covariance is that of the patches', () => {
  const [height, width] = [8, 10];
  const many = images(40).subarray(0, 503 * height * width * 3);
  const expected = secondMoments(many, height, width);
  for (const [index, moment] of patchCovariance(many, height, width).entries())
    expect(moment).toBeCloseTo(expected[index]!, 5);
});

test('the filters whiten the patches: their outputs have the identity as covariance', () => {
  const pictures = images(20);
  const covariance = patchCovariance(pictures, 32, 32);
  const filters = whiteningFilters(pictures, 32, 32, 0);
  for (let a = 0; a < PATCH; a += 1) {
    for (let b = 0; b < PATCH; b += 1) {
      let product = 0;
      for (let i = 0; i < PATCH; i += 1) {
        for (let j = 0; j < PATCH; j += 1) {
          product += filters[i * PATCH + a]! * covariance[i * PATCH + j]! * filters[j * PATCH + b]!;
        }
      }
      expect(product).toBeCloseTo(a === b ? 1 : 0, 3);
    }
  }
});

test('epsilon bounds the gain in constant directions', () => {
  const filters = whiteningFilters(new Float32Array(2 * 32 * 32 * 3), 32, 32, 0.01);
  const largest = filters.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  expect(largest).toBeLessThanOrEqual(10 + 1e-6);
  expect(largest).toBeGreaterThan(1);
});
