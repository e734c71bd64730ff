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
