import { uniformInt } from 'pure-rand/distribution/uniformInt';
import type { Random } from '../../random.ts';
import { IMAGE_BYTES } from '../../source.ts';
import { EDGE, smoothField } from './field.ts';
import { hardness } from './hardness.ts';
import { brushOf, type Paint, type Rgb } from './paint.ts';
import { distanceTo, type Part, partKinds } from './parts.ts';
import { drawForm } from './signs.ts';

/** Values of a channel, both included. */
type Range = readonly [from: number, to: number];
const dark: Range = [15, 150];
const light: Range = [90, 240];
const any: Range = [20, 235];

/**
 * Draws an image with one sign: uint8 [32, 32, 3]. Colours, textures, light, pose, clutter and what hides parts of the
 * sign are independent of the label.
 */
export function drawSign(label: number, random: Random): Uint8Array {
  const image = new Float64Array(IMAGE_BYTES);
  const ground = twoColours(dark, random);
  const brush = brushOf(ground, random);
  for (let y = 0; y < EDGE; y++) for (let x = 0; x < EDGE; x++) brush(image, x, y, 1);
  for (let left = uniformInt(random, 2, hardness.clutter); left > 0; left--) {
    drawLoosePart(
      image,
      uniformInt(random, 0, 1) === 0 ? twoColours(any, random) : near(ground, 90, random),
      random,
    );
  }
  const form = drawForm(label, random).map((part) => varied(part, random));
  drawFigure(image, form, contrasting(ground, random), random);
  for (let left = uniformInt(random, 0, hardness.hiding); left > 0; left--) {
    drawLoosePart(image, twoColours(any, random), random);
  }
  shine(image, random);
  if (uniformInt(random, 0, 2) === 0) blur(image);
  return withNoise(image, random);
}

/** Draws a number between two others, in steps of a thousandth of their distance. */
function between(random: Random, from: number, to: number): number {
  return from + ((to - from) * uniformInt(random, 0, 1000)) / 1000;
}

/**
 * Draws cosine and sine of an angle whose half has a tangent of at most `most`, either way, without trigonometric
 * functions, which machines may round differently.
 */
function direction(random: Random, most: number): [cos: number, sin: number] {
  const tangent = between(random, -most, most);
  const square = tangent * tangent;
  return [(1 - square) / (1 + square), (2 * tangent) / (1 + square)];
}

function twoColours([from, to]: Range, random: Random): Paint {
  const channel = () => uniformInt(random, from, to);
  const first: Rgb = [channel(), channel(), channel()];
  return { first, second: nearColour(first, 70, random) };
}

/** Draws a paint that differs by up to `by` in each channel. */
function near({ first, second }: Paint, by: number, random: Random): Paint {
  return { first: nearColour(first, by, random), second: nearColour(second, by, random) };
}

function nearColour(rgb: Rgb, by: number, random: Random): Rgb {
  const shifted = (value: number) => Math.min(255, Math.max(0, value + uniformInt(random, -by, by)));
  return [shifted(rgb[0]), shifted(rgb[1]), shifted(rgb[2])];
}

/** Draws a paint that can be told from another one, and more often lighter than darker, where there is room for it. */
function contrasting(other: Paint, random: Random): Paint {
  const isLighter = uniformInt(random, 1, 100) <= hardness.lighterPercent;
  for (let tries = 0; ; tries++) {
    const paint = twoColours(isLighter ? light : dark, random);
    const differences = paint.first.map(
      (value, channel) =>
        (value + paint.second[channel]! - other.first[channel]! - other.second[channel]!) / 2,
    );
    const sum = differences.reduce((total, difference) => total + difference, 0);
    const distance = differences.reduce((total, difference) => total + Math.abs(difference), 0);
    if (distance > hardness.contrast && (sum > 0 === isLighter || tries > 20)) return paint;
  }
}

/** Returns a part as one person writes it once: moved, turned and scaled a little. */
function varied(part: Part, random: Random): Part {
  const [cos, sin] = direction(random, 0.12);
  return {
    ...part,
    x: part.x + between(random, -0.1, 0.1),
    y: part.y + between(random, -0.1, 0.1),
    cos: part.cos * cos - part.sin * sin,
    sin: part.sin * cos + part.cos * sin,
    size: part.size * between(random, 0.8, 1.2),
    line: part.line * between(random, 0.75, 1.25),
  };
}

/** Draws a part that belongs to no sign. */
function drawLoosePart(image: Float64Array, paint: Paint, random: Random): void {
  const [cos, sin] = direction(random, 1);
  const part: Part = {
    kind: partKinds[uniformInt(random, 0, partKinds.length - 1)]!,
    ...{ x: between(random, 0, EDGE), y: between(random, 0, EDGE) },
    ...(uniformInt(random, 0, 1) === 0 ? { cos, sin } : { cos: -sin, sin: cos }),
    size: between(random, 2.5, 6),
    line: between(random, 0.8, 1.8),
  };
  const brush = brushOf(paint, random);
  const reach = part.size + part.line + 1;
  const first = (middle: number) => Math.max(0, Math.floor(middle - reach));
  const last = (middle: number) => Math.min(EDGE - 1, Math.floor(middle + reach));
  for (let y = first(part.y); y <= last(part.y); y++) {
    for (let x = first(part.x); x <= last(part.x); x++) {
      brush(image, x, y, 0.5 - distanceTo(part, x + 0.5, y + 0.5));
    }
  }
}

/** Draws the parts of a sign in a random pose, bent. */
function drawFigure(image: Float64Array, parts: readonly Part[], paint: Paint, random: Random): void {
  const [cos, sin] = direction(random, hardness.turn);
  const mirror = uniformInt(random, 1, 100) > hardness.mirroredPercent ? 1 : -1;
  const unit = between(random, hardness.smallest, hardness.largest);
  const wide = unit * between(random, 0.85, 1.15);
  const high = unit * between(random, 0.85, 1.15);
  const shear = between(random, -hardness.shear, hardness.shear);
  const left = 15.5 + between(random, -hardness.shift, hardness.shift);
  const top = 15.5 + between(random, -hardness.shift, hardness.shift);
  const [bendX, bendY] = [smoothField(random, 4), smoothField(random, 4)];
  const isMixed = uniformInt(random, 0, 1) === 0;
  const brushes = parts.map(() => brushOf(isMixed ? near(paint, 60, random) : paint, random));
  for (let y = 0; y < EDGE; y++) {
    for (let x = 0; x < EDGE; x++) {
      const right = x - left + hardness.bend * bendX(x, y);
      const down = y - top + hardness.bend * bendY(x, y);
      const v = (down * cos - right * sin) / high;
      const u = (mirror * (right * cos + down * sin)) / wide + shear * v;
      for (let at = 0; at < parts.length; at++) {
        brushes[at]!(image, x, y, 0.5 - unit * distanceTo(parts[at]!, u, v));
      }
    }
  }
}

/** Multiplies by a gain that changes across the image. */
function shine(image: Float64Array, random: Random): void {
  const gain = between(random, 0.7, 1.2);
  const [right, down] = [between(random, -0.3, 0.3), between(random, -0.3, 0.3)];
  for (let y = 0; y < EDGE; y++) {
    for (let x = 0; x < EDGE; x++) {
      const factor = gain + (right * (x - 15.5) + down * (y - 15.5)) / 16;
      const at = 3 * (y * EDGE + x);
      for (let channel = 0; channel < 3; channel++) image[at + channel]! *= factor;
    }
  }
}

/** Replaces every pixel by half of itself and an eighth of each of its neighbours. */
function blur(image: Float64Array): void {
  const sharp = image.slice();
  const [column, row] = [3, 3 * EDGE];
  for (let at = 0; at < IMAGE_BYTES; at++) {
    const along = at % row;
    const sides =
      sharp[along >= column ? at - column : at]! +
      sharp[along < row - column ? at + column : at]! +
      sharp[at >= row ? at - row : at]! +
      sharp[at < IMAGE_BYTES - row ? at + row : at]!;
    image[at] = (4 * sharp[at]! + sides) / 8;
  }
}

/** Adds approximately normal noise, the sum of four uniform bytes, whose strength varies per image, and rounds. */
function withNoise(image: Float64Array, random: Random): Uint8Array {
  const strength = uniformInt(random, 4, 16) / 148; // by the standard deviation of the sum
  const noisy = new Uint8Array(IMAGE_BYTES);
  for (let at = 0; at < IMAGE_BYTES; at++) {
    const bits = random.next();
    const sum = (bits & 255) + ((bits >>> 8) & 255) + ((bits >>> 16) & 255) + (bits >>> 24);
    noisy[at] = Math.min(255, Math.max(0, Math.floor(image[at]! + (sum - 510) * strength + 0.5)));
  }
  return noisy;
}
