import { IMAGE_EDGE, IMAGE_SIZE, type Normalisation } from './data.ts';
import { type LinearMap, warp } from './distort.ts';

/** Changes an image of values from 0 to 255: writes the changed `source` to `into`. Both are [32, 32, 3]. */
type Operation = (into: Float32Array, source: Float32Array, level: number) => void;

const UNCHANGED: LinearMap = { xx: 1, xy: 0, yx: 0, yy: 1 };
const moved =
  (
    mapOf: (level: number) => Partial<LinearMap>,
    shiftOf: (level: number) => [number, number] = () => [0, 0],
  ): Operation =>
  (into, source, level) =>
    warp(into, 0, source, { ...UNCHANGED, ...mapOf(level) }, shiftOf(level));

/** Moves every value towards or away from that of a duller image: dull + (1 + 0.9 level) (value - dull). */
const enhanced =
  (dullOf: (image: Float32Array) => (index: number) => number): Operation =>
  (into, source, level) => {
    const factor = Math.max(0, 1 + 0.9 * level);
    const dull = dullOf(source);
    for (let index = 0; index < IMAGE_SIZE; index += 1) {
      const from = dull(index);
      into[index] = Math.min(255, Math.max(0, from + factor * (source[index]! - from)));
    }
  };

/** Operations whose level has a random sign. Their ranges at level 1 are those of RandAugment for CIFAR-10. */
export const signedOperations = {
  rotate: moved((level) => {
    const [cosine, sine] = [Math.cos((level * Math.PI) / 6), Math.sin((level * Math.PI) / 6)];
    return { xx: cosine, xy: -sine, yx: sine, yy: cosine };
  }),
  shearX: moved((level) => ({ xy: 0.3 * level })),
  shearY: moved((level) => ({ yx: 0.3 * level })),
  translateX: moved(
    () => ({}),
    (level) => [10 * level, 0],
  ),
  translateY: moved(
    () => ({}),
    (level) => [0, 10 * level],
  ),
  brightness: enhanced(() => () => 0),
  contrast: enhanced((image) => {
    let sum = 0;
    for (let index = 0; index < IMAGE_SIZE; index += 3) sum += grey(image, index);
    const mean = sum / (IMAGE_EDGE * IMAGE_EDGE);
    return () => mean;
  }),
  colour: enhanced((image) => (index) => grey(image, index - (index % 3))),
  sharpness: enhanced((image) => (index) => smoothed(image, index)),
} satisfies Record<string, Operation>;

/** Operations whose level is 0 or more. */
export const unsignedOperations = {
  identity: (into, source) => into.set(source),
  /** Keeps the 8 to 4 highest bits. */
  posterize: (into, source, level) => {
    const step = 2 ** Math.min(7, Math.round(4 * level));
    for (let index = 0; index < IMAGE_SIZE; index += 1)
      into[index] = Math.floor(source[index]! / step) * step;
  },
  /** Inverts values from a threshold on: none at level 0, all at level 1. */
  solarize: (into, source, level) => {
    const threshold = 256 * (1 - level);
    for (let index = 0; index < IMAGE_SIZE; index += 1) {
      const value = source[index]!;
      into[index] = value < threshold ? value : 255 - value;
    }
  },
  /** Stretches the values of every channel to 0 to 255. */
  autocontrast: (into, source) => {
    for (let channel = 0; channel < 3; channel += 1) {
      let [least, most] = [255, 0];
      for (let index = channel; index < IMAGE_SIZE; index += 3) {
        least = Math.min(least, source[index]!);
        most = Math.max(most, source[index]!);
      }
      const [from, factor] = most > least ? [least, 255 / (most - least)] : [0, 1];
      for (let index = channel; index < IMAGE_SIZE; index += 3)
        into[index] = (source[index]! - from) * factor;
    }
  },
  /** Spreads the values of every channel so that each is as frequent, by Pillow's ImageOps.equalize. */
  equalize: (into, source) => {
    const counts = new Uint32Array(256);
    const table = new Float32Array(256);
    for (let channel = 0; channel < 3; channel += 1) {
      counts.fill(0);
      for (let index = channel; index < IMAGE_SIZE; index += 3) counts[byte(source[index]!)]! += 1;
      const last = counts[counts.findLastIndex((count) => count > 0)]!;
      const step = Math.floor((IMAGE_EDGE * IMAGE_EDGE - last) / 255);
      let below = Math.floor(step / 2);
      for (let value = 0; value < 256; value += 1) {
        table[value] = step === 0 ? value : Math.min(255, Math.floor(below / step));
        below += counts[value]!;
      }
      for (let index = channel; index < IMAGE_SIZE; index += 3) into[index] = table[byte(source[index]!)]!;
    }
  },
} satisfies Record<string, Operation>;

const byte = (value: number) => Math.min(255, Math.max(0, Math.round(value)));

/** Returns the luma of the pixel whose first channel is at `index` (ITU-R 601). */
function grey(image: Float32Array, index: number): number {
  return 0.299 * image[index]! + 0.587 * image[index + 1]! + 0.114 * image[index + 2]!;
}

/** Returns a value averaged with its eight neighbours, itself counting five times; border pixels as they are (Pillow). */
function smoothed(image: Float32Array, index: number): number {
  const pixel = Math.floor(index / 3);
  const [row, column] = [Math.floor(pixel / IMAGE_EDGE), pixel % IMAGE_EDGE];
  const last = IMAGE_EDGE - 1;
  if (row === 0 || column === 0 || row === last || column === last) return image[index]!;
  let sum = 4 * image[index]!;
  for (let down = -1; down <= 1; down += 1)
    for (let right = -1; right <= 1; right += 1) sum += image[index + 3 * (IMAGE_EDGE * down + right)]!;
  return sum / 13;
}

const signed: readonly Operation[] = Object.values(signedOperations);
const all: readonly Operation[] = [...signed, ...Object.values(unsignedOperations)];
const before = new Float32Array(IMAGE_SIZE);
const after = new Float32Array(IMAGE_SIZE);

/**
 * Applies one random operation with a random strength to an image in place: TrivialAugment (Müller and Hutter 2021,
 * arXiv 2103.10158), which has no policy that was learned on labels. Outside of an image that moves, it is continued by
 * reflection.
 *
 * @param images normalised
 * @param at where the image starts in `images`
 * @param random returns a random number, from 0 to less than 1
 * @param strength the level of an operation is uniform between 0 and this
 */
export function trivialAugment(
  images: Float32Array,
  at: number,
  { mean, deviation }: Normalisation,
  random: () => number,
  strength: number,
): void {
  const chosen = Math.floor(random() * all.length);
  const level = strength * random();
  const sign = chosen < signed.length && random() < 0.5 ? -1 : 1;
  for (let index = 0; index < IMAGE_SIZE; index += 1) {
    const channel = index % 3;
    before[index] = byte(images[at + index]! * deviation[channel]! + mean[channel]!);
  }
  all[chosen]!(after, before, sign * level);
  for (let index = 0; index < IMAGE_SIZE; index += 1) {
    const channel = index % 3;
    images[at + index] = (after[index]! - mean[channel]!) / deviation[channel]!;
  }
}
