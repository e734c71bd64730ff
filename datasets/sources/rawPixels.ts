import { IMAGE_BYTES } from '../source.ts';
import { planesToRgb } from './planes.ts';

export const pixelOrders = ['planes', 'interleaved'] as const;
/** Order of 3,072 values: all red, then all green, then all blue; or red, green and blue of each pixel. */
export type PixelOrder = (typeof pixelOrders)[number];

const SIDE = 32;

/** Forms of grey images, and their width. */
const greySides: Readonly<Record<string, number>> = {
  '784': 28,
  '28x28': 28,
  '28x28x1': 28,
  '1x28x28': 28,
  '1024': 32,
  '32x32': 32,
  '32x32x1': 32,
  '1x32x32': 32,
};

/** What is wrong with the values of an image; the message follows the name of the image. */
export class PixelFault extends Error {}

/**
 * Writes an image that is given as values from 0 to 255: grey of 28 x 28 (in the middle of a black 32 x 32) or 32 x 32,
 * or RGB of 32 x 32.
 *
 * @param axes lengths of the axes if the values are nested; for a flat list, its length
 * @param order of a flat list of 3,072 values; undefined if it is not known
 * @param images uint8, rows of RGB pixels
 * @param to offset of the image in `images`
 * @throws PixelFault
 */
export function writePixels(
  values: ArrayLike<number>,
  axes: readonly number[],
  order: PixelOrder | undefined,
  images: Uint8Array,
  to: number,
): void {
  for (let at = 0; at < values.length; at++) {
    const value = values[at]!;
    if (!Number.isInteger(value) || value < 0 || value > 255) {
      throw new PixelFault(`has the value ${value} at position ${at}; expected integers from 0 to 255`);
    }
  }
  const form = axes.join('x');
  const side = greySides[form];
  if (side !== undefined) writeGrey(values, side, images, to);
  else if (form === '3072' && order === undefined) {
    throw new PixelFault(
      'has 3072 values in one list: give --pixel-order planes if all red values come first, or interleaved if red, green and blue alternate',
    );
  } else if (form === '32x32x3' || (form === '3072' && order === 'interleaved')) images.set(values, to);
  else if (form === '3x32x32' || form === '3072') planesToRgb(values, 0, images, to);
  else {
    throw new PixelFault(
      `has ${values.length} values in axes of [${axes.slice(0, 5).join(', ')}]; expected 784, 1024 or 3072 values, or axes of [32, 32, 3] or [3, 32, 32]`,
    );
  }
}

function writeGrey(values: ArrayLike<number>, side: number, images: Uint8Array, to: number): void {
  const border = (SIDE - side) / 2;
  images.fill(0, to, to + IMAGE_BYTES);
  for (let pixel = 0; pixel < values.length; pixel++) {
    const at = to + 3 * ((Math.floor(pixel / side) + border) * SIDE + (pixel % side) + border);
    images.fill(values[pixel]!, at, at + 3);
  }
}
