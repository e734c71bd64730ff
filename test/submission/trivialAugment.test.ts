import { describe, expect, test } from '@jest/globals';
import { IMAGE_SIZE } from '../../submission/data.ts';
import { signedOperations, trivialAugment, unsignedOperations } from '../../submission/trivialAugment.ts';

const operations = { ...signedOperations, ...unsignedOperations };
const noise = Float32Array.from({ length: IMAGE_SIZE }, (_, index) => (index * 7919 + (index >> 6)) % 256);
function changed(name: keyof typeof operations, level: number, source = noise): Float32Array {
  const into = new Float32Array(IMAGE_SIZE).fill(Number.NaN);
  operations[name](into, source, level);
  return into;
}
const pixel = (image: Float32Array, row: number, column: number) =>
  Array.from(image.subarray((row * 32 + column) * 3, (row * 32 + column) * 3 + 3));
const close = (got: readonly number[], expected: readonly number[]) => {
  for (const [index, value] of got.entries()) expect(value).toBeCloseTo(expected[index]!, 3);
};
/** Returns a grey image whose pixels have these values in turn. */
const greyOf = (...values: number[]) =>
  Float32Array.from({ length: IMAGE_SIZE }, (_, index) => values[Math.floor(index / 3) % values.length]!);

const names = Object.keys(operations) as (keyof typeof operations)[];

test.each(names.filter((name) => name !== 'autocontrast' && name !== 'equalize'))(
  '%s at level 0 changes nothing',
  (name) => {
    const image = changed(name, 0);
    expect(noise.every((value, index) => Math.abs(image[index]! - value) < 1e-3)).toBe(true);
  },
);

test.each(names)('%s at any level gives values from 0 to 255', (name) => {
  for (const level of [-2, -1, -0.4, 0.3, 1, 2]) {
    if (level < 0 && name in unsignedOperations) continue;
    expect(changed(name, level).every((value) => value >= -1e-3 && value <= 255.001)).toBe(true);
  }
});

describe('the operation', () => {
  test('translate moves by ten pixels at level 1 and reflects outside', () => {
    expect(pixel(changed('translateX', 1), 4, 7)).toEqual(pixel(noise, 4, 17));
    expect(pixel(changed('translateX', -1), 4, 7)).toEqual(pixel(noise, 4, 3));
    expect(pixel(changed('translateY', 0.5), 4, 7)).toEqual(pixel(noise, 9, 7));
  });

  test('rotate turns by 30 degrees at level 1', () => {
    close(pixel(changed('rotate', 3), 3, 17), pixel(noise, 17, 28));
    close(pixel(changed('rotate', -3), 3, 17), pixel(noise, 14, 3));
  });

  test('shear moves rows or columns by 0.3 pixels per pixel at level 1', () => {
    // Row 15 is half a pixel above the centre, and level 10/3 moves it by as much.
    const mean = (one: number[], other: number[]) => one.map((value, index) => (value + other[index]!) / 2);
    close(pixel(changed('shearX', 10 / 3), 15, 8), mean(pixel(noise, 15, 7), pixel(noise, 15, 8)));
    close(pixel(changed('shearY', 10 / 3), 8, 15), mean(pixel(noise, 7, 15), pixel(noise, 8, 15)));
  });

  test('brightness multiplies, and is limited to 255', () => {
    expect(pixel(changed('brightness', -1, greyOf(100)), 0, 0)[0]).toBeCloseTo(10, 4);
    expect(pixel(changed('brightness', 1, greyOf(100)), 0, 0)[0]).toBeCloseTo(190, 4);
    expect(pixel(changed('brightness', 1, greyOf(200)), 0, 0)[0]).toBe(255);
  });

  test('contrast spreads values around the mean brightness', () => {
    const image = changed('contrast', 0.5, greyOf(100, 140));
    close([pixel(image, 0, 0)[0]!, pixel(image, 0, 1)[0]!], [120 - 1.45 * 20, 120 + 1.45 * 20]);
  });

  test('colour moves the channels away from or to the grey of their pixel', () => {
    const red = Float32Array.from({ length: IMAGE_SIZE }, (_, index) => (index % 3 === 0 ? 200 : 100));
    const grey = 0.299 * 200 + 0.701 * 100;
    close(
      pixel(changed('colour', -1, red), 5, 5),
      [200, 100, 100].map((value) => grey + 0.1 * (value - grey)),
    );
  });

  test('sharpness blends with the smoothed image, except at the border', () => {
    const dot = new Float32Array(IMAGE_SIZE);
    dot[(5 * 32 + 5) * 3] = 130;
    const image = changed('sharpness', -1, dot);
    close(pixel(image, 5, 5), [50 + 0.1 * 80, 0, 0]);
    close(pixel(image, 4, 6), [0.9 * 10, 0, 0]);
    expect(pixel(changed('sharpness', -1), 0, 9)).toEqual(pixel(noise, 0, 9));
  });

  test('posterize keeps four bits at level 1', () => {
    expect([...changed('posterize', 1)]).toEqual([...noise].map((value) => value & 0xf0));
  });

  test('solarize inverts values from the threshold on', () => {
    const image = changed('solarize', 0.5, greyOf(127, 128));
    expect([pixel(image, 0, 0)[0], pixel(image, 0, 1)[0]]).toEqual([127, 127]);
    expect([...changed('solarize', 1)]).toEqual([...noise].map((value) => 255 - value));
  });

  test('autocontrast stretches each channel, and leaves a constant one as it is', () => {
    const image = changed('autocontrast', 0, greyOf(50, 101, 101));
    expect([0, 1, 2].map((column) => pixel(image, 0, column)[1])).toEqual([0, 255, 255]);
    expect(pixel(changed('autocontrast', 0, greyOf(77)), 0, 0)).toEqual([77, 77, 77]);
  });

  test('equalize spreads values by their rank, and leaves a constant channel as it is', () => {
    // By Pillow: step (1024 - 256) / 255 = 3, half of it is 1; then 257 / 3, 513 / 3, 769 / 3.
    const image = changed('equalize', 0, greyOf(10, 20, 30, 200));
    expect([0, 1, 2, 3].map((column) => pixel(image, 0, column)[2])).toEqual([0, 85, 171, 255]);
    expect(pixel(changed('equalize', 0, greyOf(77)), 0, 0)).toEqual([77, 77, 77]);
  });
});

describe('trivialAugment', () => {
  const normalisation = { mean: [100, 110, 120], deviation: [50, 60, 70] };
  const images = () => Float32Array.from({ length: 2 * IMAGE_SIZE }, (_, index) => Math.sin(index));
  const augmented = (...numbers: number[]) => {
    const changed = images();
    trivialAugment(changed, IMAGE_SIZE, normalisation, () => numbers.shift()!, 0.5);
    return changed;
  };
  const choose = (name: keyof typeof operations) => (names.indexOf(name) + 0.5) / names.length;

  test('changes one image, in the units of its pixels', () => {
    const bright = augmented(choose('brightness'), 0.5, 0.9);
    expect(bright.subarray(0, IMAGE_SIZE)).toEqual(images().subarray(0, IMAGE_SIZE));
    const value = Math.round(Math.sin(IMAGE_SIZE + 1) * 60 + 110);
    expect(bright[IMAGE_SIZE + 1]).toBeCloseTo((value * (1 + 0.9 * 0.25) - 110) / 60, 4);
  });

  test('gives a signed operation a random sign', () => {
    const dark = augmented(choose('brightness'), 0.5, 0.1);
    const value = Math.round(Math.sin(IMAGE_SIZE + 1) * 60 + 110);
    expect(dark[IMAGE_SIZE + 1]).toBeCloseTo((value * (1 - 0.9 * 0.25) - 110) / 60, 4);
  });

  test('chooses among all operations', () => {
    const results = names.map((name) => augmented(choose(name), 0.9, 0.9).slice(IMAGE_SIZE).join());
    expect(new Set(results).size).toBe(names.length);
  });
});
