import { randomInt } from 'node:crypto';
import { formatNpy, readNpy } from '../../datasets/npy.ts';
import { shuffleBy } from '../../datasets/random.ts';
import { IMAGE_BYTES } from '../../datasets/source.ts';

/** How often an image is repeated in the second predict run. */
const timesEach = 10;

/**
 * Draws the test images of the second predict run: a random tenth of them, each about ten times, in random order. The
 * number of rows does not reveal which run it is, and an entry that adapts to the images adapts to a different set.
 * The system's random numbers are used, because the entry knows the run's seed.
 * @param count number of test images, 1 or more
 * @returns uint32 [count], each the index of a test image
 */
export function drawImages(count: number): Uint32Array {
  const all = shuffled(Uint32Array.from({ length: count }, (_, image) => image));
  const few = all.subarray(0, Math.ceil(count / timesEach));
  return shuffled(Uint32Array.from({ length: count }, (_, index) => few[index % few.length]!));
}

const shuffled = (images: Uint32Array) => shuffleBy(images, (limit) => randomInt(limit));

/**
 * Encodes a .npy file of chosen images.
 * @param path .npy, uint8 [images, 32, 32, 3]
 * @param chosen indices of images in that file, in output order
 * @returns .npy, uint8 [chosen.length, 32, 32, 3]
 */
export async function chosenImages(path: string, chosen: Uint32Array): Promise<Uint8Array> {
  const { data } = await readNpy(path, { dtype: 'uint8', shape: [null, 32, 32, 3] });
  const pixels = new Uint8Array(chosen.length * IMAGE_BYTES);
  for (const [index, image] of chosen.entries()) {
    pixels.set(data.subarray(image * IMAGE_BYTES, (image + 1) * IMAGE_BYTES), index * IMAGE_BYTES);
  }
  return formatNpy('uint8', pixels, [chosen.length, 32, 32, 3]);
}
