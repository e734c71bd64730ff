import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { IMAGE_SIZE } from '../../submission/data.ts';
import { randomMap, recolour, warp } from '../../submission/distort.ts';
import { defaultSettings } from '../../submission/settings.ts';

const noise = Float32Array.from({ length: IMAGE_SIZE }, (_, index) => Math.sin(index * index));
/** Returns the image that a map makes of noise. */
function warped(map: Parameters<typeof warp>[3]): Float32Array {
  const into = new Float32Array(IMAGE_SIZE).fill(Number.NaN);
  warp(into, 0, noise, map);
  return into;
}
const pixel = (image: Float32Array, row: number, column: number) =>
  Array.from(image.subarray((row * 32 + column) * 3, (row * 32 + column) * 3 + 3));
const map = fc
  .array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 3, maxLength: 3 })
  .map((numbers) => randomMap(() => numbers.shift() ?? 0, defaultSettings));

describe('warp', () => {
  test('with the identity copies the image, and writes nothing else', () => {
    const into = new Float32Array(3 * IMAGE_SIZE).fill(7);
    warp(into, IMAGE_SIZE, noise, { xx: 1, xy: 0, yx: 0, yy: 1 });
    expect(into.subarray(IMAGE_SIZE, 2 * IMAGE_SIZE)).toEqual(noise);
    expect(new Set([...into.subarray(0, IMAGE_SIZE), ...into.subarray(2 * IMAGE_SIZE)])).toEqual(
      new Set([7]),
    );
  });

  test('with quarter turns moves every pixel to its place', () => {
    const turned = warped({ xx: 0, xy: -1, yx: 1, yy: 0 });
    for (const [row, column] of [
      [0, 0],
      [3, 17],
      [31, 8],
    ] as const) {
      expect(pixel(turned, row, column)).toEqual(pixel(noise, column, 31 - row));
    }
  });

  test('halfway between two pixels has their mean', () => {
    const wide = warped({ xx: 0.5, xy: 0, yx: 0, yy: 1 });
    // Column 16 is a quarter of a pixel from the centre, between columns 15 and 16.
    const [left, right] = [pixel(noise, 4, 15), pixel(noise, 4, 16)];
    for (const [channel, value] of pixel(wide, 4, 16).entries()) {
      expect(value).toBeCloseTo(0.25 * left[channel]! + 0.75 * right[channel]!, 6);
    }
  });

  test('outside of the source, reflects', () => {
    const narrow = warped({ xx: 2, xy: 0, yx: 0, yy: 1 });
    // Column 0 is 31 pixels left of the centre: 15.5 outside of the image.
    const [near, far] = [pixel(noise, 9, 15), pixel(noise, 9, 16)];
    for (const [channel, value] of pixel(narrow, 9, 0).entries()) {
      expect(value).toBeCloseTo(0.5 * near[channel]! + 0.5 * far[channel]!, 6);
    }
  });

  test('with any random map stays within the values of the source', () => {
    const [least, most] = [Math.min(...noise), Math.max(...noise)];
    fc.assert(
      fc.property(map, (each) =>
        warped(each).every((value) => value >= least - 1e-6 && value <= most + 1e-6),
      ),
    );
  });
});

test('a random map is a rotation, a zoom and a shear within their limits', () => {
  const limits = { ...defaultSettings, distortRotation: 90, distortZoom: 1, distortShear: 0.5 };
  const of = (...numbers: number[]) => randomMap(() => numbers.shift()!, limits);
  const close = (actual: object, expected: Record<string, number>) => {
    for (const [name, value] of Object.entries(actual)) expect(value).toBeCloseTo(expected[name]!);
  };
  close(of(0, 0, 0), { xx: 1, xy: 0, yx: 0, yy: 1 });
  close(of(1, 0, 0), { xx: 0, xy: -1, yx: 1, yy: 0 });
  close(of(0, 1, 0), { xx: 0.5, xy: 0, yx: 0, yy: 0.5 });
  close(of(0, -1, 0), { xx: 2, xy: 0, yx: 0, yy: 2 });
  close(of(0, 0, 1), { xx: 1, xy: 0.5, yx: 0, yy: 1 });
});

test('recolour changes each channel of one image by its own factor and sum', () => {
  const images = new Float32Array(2 * IMAGE_SIZE).fill(2);
  const numbers = [1, 0, 0, 1, -1, -1];
  recolour(images, IMAGE_SIZE, () => numbers.shift()!, {
    ...defaultSettings,
    distortGain: 0.5,
    distortShift: 0.25,
  });
  expect(Array.from(images.subarray(IMAGE_SIZE, IMAGE_SIZE + 6))).toEqual([3, 2.25, 0.75, 3, 2.25, 0.75]);
  expect(images[IMAGE_SIZE - 1]).toBe(2);
});
