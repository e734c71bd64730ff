import { randomInt } from 'node:crypto';
import { formatNpy, readNpy } from '../../datasets/npy.ts';
import { shuffleBy } from '../../datasets/random.ts';
import { IMAGE_BYTES } from '../../datasets/source.ts';

/** How often an image stands among those of the second predict run. */
const timesEach = 10;

/**
 * Draws the test images of the second predict run: a random tenth of them, each about ten times, in random order. So an
 * entry cannot tell from the count which run it is in, and what it adapts to is another set of images than before. The
 * numbers are the system's random ones: the seed of the run is known to the entry.
 * @param count test images there are, 1 or more
 * @returns uint32 [count], each the number of a test image
 */
export function drawImages(count: number): Uint32Array {
  const all = shuffled(Uint32Array.from({ length: count }, (_, image) => image));
  const few = all.subarray(0, Math.ceil(count / timesEach));
  return shuffled(Uint32Array.from({ length: count }, (_, index) => few[index % few.length]!));
}

const shuffled = (images: Uint32Array) => shuffleBy(images, (limit) => randomInt(limit));

/**
 * The bytes of a .npy file of chosen images.
 * @param path .npy, uint8 [images, 32, 32, 3]
 * @param chosen numbers of images of that file, in the order wanted
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
