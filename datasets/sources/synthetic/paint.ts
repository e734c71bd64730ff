import { uniformInt } from 'pure-rand/distribution/uniformInt';
import type { Random } from '../../random.ts';
import { EDGE, type Field, smoothField } from './field.ts';

export type Rgb = readonly [number, number, number];

/** Two colours that a texture mixes. */
export interface Paint {
  readonly first: Rgb;
  readonly second: Rgb;
}

/**
 * Draws a pixel over what is there.
 * @param share of the pixel that is covered; clamped to 0 to 1
 */
export type Brush = (image: Float64Array, x: number, y: number, share: number) => void;

/** Returns a brush with a random texture of the colours of a paint. */
export function brushOf({ first, second }: Paint, random: Random): Brush {
  const texture = randomTexture(random);
  return (image, x, y, share) => {
    if (share <= 0) return;
    const covered = Math.min(1, share);
    const mixed = texture(x, y);
    const at = 3 * (y * EDGE + x);
    for (let channel = 0; channel < 3; channel++) {
      const value = first[channel]! + mixed * (second[channel]! - first[channel]!);
      image[at + channel]! += covered * (value - image[at + channel]!);
    }
  };
}

/** Draws patches, stripes or checks: the share of the second colour. */
function randomTexture(random: Random): Field {
  const kind = uniformInt(random, 0, 3);
  if (kind <= 1) {
    const coarse = smoothField(random, uniformInt(random, 2, 5));
    const fine = smoothField(random, uniformInt(random, 8, 14));
    return (x, y) => Math.min(1, Math.max(0, 0.5 + 0.6 * coarse(x, y) + 0.4 * fine(x, y)));
  }
  const [a, b] = [uniformInt(random, -100, 100), uniformInt(random, -100, 100)];
  const length = Math.max(1, Math.sqrt(a * a + b * b));
  const period = uniformInt(random, 30, 80) / 10;
  const isDark = (x: number, y: number) => {
    const along = (a * x + b * y) / (length * period);
    return along - Math.floor(along) < 0.5;
  };
  return kind === 2 ? (x, y) => Number(isDark(x, y)) : (x, y) => Number(isDark(x, y) !== isDark(-y, x));
}
