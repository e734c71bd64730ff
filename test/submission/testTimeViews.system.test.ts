import { describe, expect, test } from '@jest/globals';
import { IMAGE_SIZE } from '../../submission/data.ts';
import { type Tensor, tf } from '../../submission/engine/tensorflow.ts';
import { defaultSettings } from '../../submission/settings.ts';
import { affordableShift, requireViews, viewsAveraged } from '../../submission/testTimeViews.ts';

/** Two images in which every value encodes its position: 1000 image + 32 row + column, in all three channels. */
const images = Float32Array.from({ length: 2 * IMAGE_SIZE }, (_, index) => {
  const pixel = Math.floor(index / 3) % 1024;
  return 1000 * Math.floor(index / IMAGE_SIZE) + pixel;
});
/** Returns "logits" that are the value of one pixel: linear, so that an average of views is an average of values. */
const pixelAt = (row: number, column: number) => (view: Tensor) =>
  tf.reshape(tf.slice(view, [0, row, column, 0], [-1, 1, 1, 1]), [-1, 1]) as Tensor;
const at = (row: number, column: number) => 32 * row + column;

/** Returns the requested views, as the position of the pixel that each has at [10, 20]. */
function viewsOf(shift: number, mirrors = true): number[] {
  const seen: number[] = [];
  viewsAveraged(images, shift, mirrors, (view) => {
    const logits = pixelAt(10, 20)(view);
    seen.push(logits.dataSync()[0]!);
    return logits;
  });
  return seen;
}

describe('test-time views', () => {
  test('without a shift are the image and its mirror image', () => {
    expect(viewsOf(0)).toEqual([at(10, 20), at(10, 11)]);
  });

  test('without mirror images are the shifted images alone', () => {
    expect(viewsOf(0, false)).toEqual([at(10, 20)]);
    const shifted = [-1, 0, 1].flatMap((down) => [-1, 0, 1].map((right) => at(10 + down, 20 + right)));
    expect(viewsOf(1, false)).toEqual(shifted);
  });

  test('with a shift are these, shifted by each number of pixels up to that, both ways', () => {
    const shifted = [-1, 0, 1].flatMap((down) =>
      [-1, 0, 1].flatMap((right) => [at(10 + down, 20 + right), at(10 + down, 11 + right)]),
    );
    expect(viewsOf(1)).toEqual(shifted);
    expect(viewsOf(2)).toHaveLength(50);
  });

  test('reflect the image at its border', () => {
    const views: number[] = [];
    viewsAveraged(images, 1, true, (view) => {
      const corner = pixelAt(0, 0)(view);
      views.push(corner.dataSync()[0]!);
      return corner;
    });
    expect(views[0]).toBe(at(1, 1)); // [-1, -1] is [1, 1]
  });

  test.each([
    [0, true],
    [2, true],
    [2, false],
  ])('of shift %i have weights that sum to 1, image by image (mirror images: %s)', (shift, mirrors) => {
    const constant = (view: Tensor) => tf.ones([view.shape[0]!, 4]) as Tensor;
    for (const sum of viewsAveraged(images, shift, mirrors, constant)) expect(sum).toBeCloseTo(1, 5);
    const both = viewsAveraged(images, shift, mirrors, pixelAt(16, 16));
    expect(both[1]! - both[0]!).toBeCloseTo(1000, 2);
  });

  test('have the same weight', () => {
    const votes = (counted: number, mirrors: boolean) => {
      let call = 0;
      return viewsAveraged(images, 1, mirrors, (view) => {
        call += 1;
        return tf.fill([view.shape[0]!, 1], call - 1 === counted ? 1 : 0) as Tensor;
      })[0]!;
    };
    for (const counted of [0, 8, 17]) expect(votes(counted, true)).toBeCloseTo(1 / 18);
    for (const counted of [0, 8]) expect(votes(counted, false)).toBeCloseTo(1 / 9);
  });

  test('leak no tensor', () => {
    const before = tf.memory().numTensors;
    viewsAveraged(images, 1, true, pixelAt(0, 0));
    expect(tf.memory().numTensors).toBe(before);
  });
});

test.each([
  ['testShift', -1, /testShift=-1: must be an integer from 0 to 31/],
  ['testShift', 1.5, /testShift=1\.5: must be an integer/],
  ['testShift', 32, /testShift=32: must be an integer/],
  ['predictSeconds', 0, /predictSeconds=0: must be more than 0/],
])('%s = %d is refused', (name, value, message) => {
  requireViews(defaultSettings);
  expect(() => requireViews({ ...defaultSettings, [name]: value })).toThrow(message);
});

describe('the affordable shift', () => {
  // 0.6 ms per image and step: 0.2 s for a view of 1,000 images.
  const shift = (mirrors: boolean, seconds: number) => affordableShift(3, mirrors, 0.6e-3, seconds);

  test('is the largest whose views take no longer than allowed', () => {
    expect(shift(false, 49 * 0.2 + 0.01)).toBe(3);
    expect(shift(false, 49 * 0.2 - 0.01)).toBe(2);
    expect(shift(false, 25 * 0.2 - 0.01)).toBe(1);
    expect(shift(false, 9 * 0.2 - 0.01)).toBe(0);
  });

  test('counts mirror images as views', () => {
    expect(shift(true, 2 * 25 * 0.2 + 0.01)).toBe(2);
    expect(shift(true, 2 * 25 * 0.2 - 0.01)).toBe(1);
  });

  test('is 0 if even one view takes longer', () => {
    expect(shift(false, 0.01)).toBe(0);
  });
});
