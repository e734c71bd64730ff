import type { Random } from '../../random.ts';

export const EDGE = 32;

/** A value at every point of an image; x and y in pixels, from 0 to below 32. */
export type Field = (x: number, y: number) => number;

/**
 * Draws a field that changes smoothly: random values from -1 to 1 at the corners of `cells` x `cells` squares,
 * interpolated linearly in between (value noise).
 */
export function smoothField(random: Random, cells: number): Field {
  const width = cells + 1;
  const corners = Float64Array.from({ length: width * width }, () => random.next() / 2 ** 31);
  const scale = cells / EDGE;
  return (x, y) => {
    const left = Math.floor(x * scale);
    const top = Math.floor(y * scale);
    const right = x * scale - left;
    const down = y * scale - top;
    const at = top * width + left;
    const above = corners[at]! + right * (corners[at + 1]! - corners[at]!);
    const under = corners[at + width]! + right * (corners[at + width + 1]! - corners[at + width]!);
    return above + down * (under - above);
  };
}
