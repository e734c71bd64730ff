import { uniformInt } from 'pure-rand/distribution/uniformInt';
import type { Random } from '../random.ts';

/**
 * Outlines as SVG paths around (0, 0), within a circle of radius 10; their areas differ by a factor of at most about
 * two.
 */
const shapes = {
  circle: 'M-8.5 0a8.5 8.5 0 1 0 17 0a8.5 8.5 0 1 0 -17 0z',
  square: 'M-7.5 -7.5H7.5V7.5H-7.5z',
  triangle: 'M0 -10L8.7 5H-8.7z',
  star: 'M0 -10L2.6 -3.6L9.5 -3.1L4.2 1.4L5.9 8.1L0 4.4L-5.9 8.1L-4.2 1.4L-9.5 -3.1L-2.6 -3.6z',
  cross: 'M-3 -9H3V-3H9V3H3V9H-3V3H-9V-3H-3z',
  ring: 'M-9 0a9 9 0 1 0 18 0a9 9 0 1 0 -18 0zM-4.5 0a4.5 4.5 0 1 1 9 0a4.5 4.5 0 1 1 -9 0z',
  crescent: 'M4 -9A9.5 9.5 0 1 0 4 9A7 9 0 0 1 4 -9z',
  heart: 'M0 9C-14 -1 -8 -10 -3.5 -8.5C-1.5 -8 0 -6 0 -5C0 -6 1.5 -8 3.5 -8.5C8 -10 14 -1 0 9z',
  arrow: 'M0 -10L8 -1H3.2V9H-3.2V-1H-8z',
  bolt: 'M3 -10L-7 2H-1L-4 10L7 -3H1z',
} as const;
type Shape = keyof typeof shapes;

/** The ten classes, in the order of their labels. */
export const shapeNames = Object.keys(shapes) as Shape[];

/** Draws an SVG of 32 x 32 pixels with one shape to recognise. */
export function drawScene(label: number, random: Random): string {
  const between = (from: number, to: number) => uniformInt(random, from * 100, to * 100) / 100;
  const background = colour(random);
  const foreground = contrasting(background, random);
  const scale = between(0.75, 1.35);
  const reach = 16 - 9 * scale;
  const place = `translate(${(16 + between(-1, 1) * reach).toFixed(2)} ${(16 + between(-1, 1) * reach).toFixed(2)})`;
  const stretch = `scale(${(scale * between(0.85, 1.15)).toFixed(3)} ${(scale * between(0.85, 1.15)).toFixed(3)})`;
  const outline = shapes[shapeNames[label]!];
  return `<svg xmlns="http://www.w3.org/2000/svg" width="32" height="32">
${texture('ground', background, random)}${texture('figure', foreground, random)}
<rect width="32" height="32" fill="url(#ground)"/>
${clutter(random, between)}
<path d="${outline}" fill="url(#figure)" transform="${place} rotate(${between(0, 360)}) ${stretch}"/>
${occluder(random, between)}
</svg>`;
}

type Rgb = readonly [number, number, number];
const css = (rgb: Rgb) => `rgb(${rgb.join(',')})`;

function colour(random: Random): Rgb {
  return [uniformInt(random, 20, 235), uniformInt(random, 20, 235), uniformInt(random, 20, 235)];
}

/**
 * Draws a colour distinguishable from `other`, randomly lighter or darker, so that brightness carries no information.
 */
function contrasting(other: Rgb, random: Random): Rgb {
  for (;;) {
    const candidate = colour(random);
    const distance = candidate.reduce((sum, value, channel) => sum + Math.abs(value - other[channel]!), 0);
    if (distance > 200) return candidate;
  }
}

/** Shifts a colour by up to `by` in each channel. */
function near(rgb: Rgb, by: number, random: Random): Rgb {
  const shift = (value: number) => Math.min(255, Math.max(0, value + uniformInt(random, -by, by)));
  return [shift(rgb[0]), shift(rgb[1]), shift(rgb[2])];
}

/** Defines a paint named `id`: stripes, checks, dots or a gradient of two shades of `rgb`. */
function texture(id: string, rgb: Rgb, random: Random): string {
  const first = css(rgb);
  const second = css(near(rgb, 55, random));
  const angle = uniformInt(random, 0, 179);
  const step = uniformInt(random, 3, 9);
  const half = step / 2;
  const pattern = (content: string) =>
    `<pattern id="${id}" width="${step}" height="${step}" patternUnits="userSpaceOnUse" patternTransform="rotate(${angle})">` +
    `<rect width="${step}" height="${step}" fill="${first}"/>${content}</pattern>`;
  const kinds = [
    () => pattern(`<rect width="${half}" height="${step}" fill="${second}"/>`),
    () =>
      pattern(
        `<rect width="${half}" height="${half}" fill="${second}"/><rect x="${half}" y="${half}" width="${half}" height="${half}" fill="${second}"/>`,
      ),
    () => pattern(`<circle cx="${half}" cy="${half}" r="${step / 3}" fill="${second}"/>`),
    () =>
      `<linearGradient id="${id}" gradientTransform="rotate(${angle} 0.5 0.5)"><stop stop-color="${first}"/><stop offset="1" stop-color="${second}"/></linearGradient>`,
  ];
  return kinds[uniformInt(random, 0, kinds.length - 1)]!();
}

/** Draws thin lines and small blobs behind the shape. */
function clutter(random: Random, between: (from: number, to: number) => number): string {
  return Array.from({ length: uniformInt(random, 2, 5) }, () => {
    const paint = css(colour(random));
    return uniformInt(random, 0, 1) === 0
      ? `<line x1="${between(0, 32)}" y1="${between(0, 32)}" x2="${between(0, 32)}" y2="${between(0, 32)}" stroke="${paint}" stroke-width="${between(0.5, 1.5)}"/>`
      : `<ellipse cx="${between(0, 32)}" cy="${between(0, 32)}" rx="${between(1, 3.5)}" ry="${between(1, 3.5)}" fill="${paint}"/>`;
  }).join('');
}

/** Draws, in half of the images, a bar that hides a part of the shape. */
function occluder(random: Random, between: (from: number, to: number) => number): string {
  if (uniformInt(random, 0, 1) === 0) return '';
  const width = between(2, 5);
  return `<rect x="-30" y="${-width / 2}" width="60" height="${width}" fill="${css(colour(random))}" transform="translate(${between(6, 26)} ${between(6, 26)}) rotate(${between(0, 180)})"/>`;
}
