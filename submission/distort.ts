import { IMAGE_EDGE, IMAGE_SIZE } from './data.ts';
import type { Settings } from './settings.ts';

const ROW = IMAGE_EDGE * 3;

/** A linear map around the centre of an image, [[xx, xy], [yx, yy]]: from a pixel of the result to one of the source. */
export interface LinearMap {
  readonly xx: number;
  readonly xy: number;
  readonly yx: number;
  readonly yy: number;
}

type Ranges = Pick<
  Settings,
  'distortRotation' | 'distortZoom' | 'distortShear' | 'distortGain' | 'distortShift'
>;

/**
 * Returns a random map: a rotation, a zoom between 1 / (1 + distortZoom) and 1 + distortZoom, and a shear along x, each
 * uniform (the zoom in its logarithm).
 *
 * @param signed returns a random number, -1 to 1
 */
export function randomMap(
  signed: () => number,
  { distortRotation, distortZoom, distortShear }: Ranges,
): LinearMap {
  const angle = (signed() * distortRotation * Math.PI) / 180;
  const zoom = (1 + distortZoom) ** signed();
  const shear = signed() * distortShear;
  const [cosine, sine] = [Math.cos(angle) / zoom, Math.sin(angle) / zoom];
  return { xx: cosine, xy: cosine * shear - sine, yx: sine, yy: sine * shear + cosine };
}

/**
 * Writes an image whose pixel p is the source's at map(p) + shift, interpolated bilinearly. Outside, the source is continued by
 * reflection without repeating its edge.
 *
 * @param source [32, 32, 3], another array than `into`
 * @param at where the image starts in `into`
 * @param shift pixels along x and y
 */
export function warp(
  into: Float32Array,
  at: number,
  source: Float32Array,
  map: LinearMap,
  [shiftX, shiftY]: readonly [number, number] = [0, 0],
): void {
  const centre = (IMAGE_EDGE - 1) / 2;
  let to = at;
  for (let row = 0; row < IMAGE_EDGE; row += 1) {
    for (let column = 0; column < IMAGE_EDGE; column += 1, to += 3) {
      const [x, y] = [column - centre, row - centre];
      const sourceX = centre + shiftX + map.xx * x + map.xy * y;
      const sourceY = centre + shiftY + map.yx * x + map.yy * y;
      const [left, top] = [Math.floor(sourceX), Math.floor(sourceY)];
      const [right, bottom] = [sourceX - left, sourceY - top];
      const [x0, x1] = [3 * inside(left), 3 * inside(left + 1)];
      const [y0, y1] = [ROW * inside(top), ROW * inside(top + 1)];
      for (let channel = 0; channel < 3; channel += 1) {
        const upper = source[y0 + x0 + channel]! * (1 - right) + source[y0 + x1 + channel]! * right;
        const lower = source[y1 + x0 + channel]! * (1 - right) + source[y1 + x1 + channel]! * right;
        into[to + channel] = upper * (1 - bottom) + lower * bottom;
      }
    }
  }
}

/** Returns the place inside of an image that reflection gives a place up to one image away. */
function inside(place: number): number {
  const last = IMAGE_EDGE - 1;
  const positive = Math.abs(place);
  return positive <= last ? positive : Math.abs(2 * last - positive);
}

/**
 * Multiplies every channel of a normalised image by a factor between 1 - distortGain and 1 + distortGain, and adds a
 * number between -distortShift and distortShift.
 *
 * @param at where the image starts in `images`
 * @param signed as for `randomMap`
 */
export function recolour(
  images: Float32Array,
  at: number,
  signed: () => number,
  { distortGain, distortShift }: Ranges,
): void {
  for (let channel = 0; channel < 3; channel += 1) {
    const [gain, shift] = [1 + signed() * distortGain, signed() * distortShift];
    for (let index = at + channel; index < at + IMAGE_SIZE; index += 3) {
      images[index] = images[index]! * gain + shift;
    }
  }
}
