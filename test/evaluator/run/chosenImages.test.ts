import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { parseNpy, writeNpy } from '../../../datasets/npy.ts';
import { IMAGE_BYTES } from '../../../datasets/source.ts';
import { chosenImages, drawImages } from '../../../evaluator/run/chosenImages.ts';
import { temporaryFolder } from '../fixtures.ts';

test.each([
  [1000, 100],
  [47, 5],
  [10, 1],
  [1, 1],
])('of %d images %d are drawn, in as many rows as before, none more than ten times', (count, different) => {
  const chosen = drawImages(count);
  expect(chosen).toHaveLength(count);
  expect(Math.max(...chosen)).toBeLessThan(count);
  const times = new Map<number, number>();
  for (const image of chosen) times.set(image, (times.get(image) ?? 0) + 1);
  expect(times.size).toBe(different);
  expect(Math.max(...times.values())).toBeLessThanOrEqual(10);
});

test('every draw has other images, in another order', () => {
  const [one, other] = [drawImages(1000), drawImages(1000)];
  expect(one).not.toEqual(other);
  expect(new Set(one)).not.toEqual(new Set(other));
  expect(one).not.toEqual(Uint32Array.from(one).sort());
});

test('the file contains the drawn images in their order', async () => {
  const path = join(await temporaryFolder(), 'images.npy');
  const images = Uint8Array.from({ length: 4 * IMAGE_BYTES }, (_, at) => Math.floor(at / IMAGE_BYTES));
  await writeNpy(path, 'uint8', images, [4, 32, 32, 3]);
  const bytes = await chosenImages(path, Uint32Array.of(3, 0, 3));
  const { data } = parseNpy('chosen', bytes, { dtype: 'uint8', shape: [3, 32, 32, 3] });
  expect([0, 1, 2].map((index) => data[index * IMAGE_BYTES])).toEqual([3, 0, 3]);
  expect(data.at(-1)).toBe(3);
});
