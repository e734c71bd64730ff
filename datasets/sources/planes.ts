import { IMAGE_BYTES } from '../source.ts';

const PLANE = IMAGE_BYTES / 3;

/**
 * Copies an image of 1,024 red, 1,024 green and 1,024 blue values to rows of RGB pixels.
 * @param from offset in `planes`
 * @param to offset in `images`
 */
export function planesToRgb(planes: ArrayLike<number>, from: number, images: Uint8Array, to: number): void {
  let out = to;
  for (let pixel = from; pixel < from + PLANE; pixel++) {
    images[out++] = planes[pixel]!;
    images[out++] = planes[pixel + PLANE]!;
    images[out++] = planes[pixel + 2 * PLANE]!;
  }
}
