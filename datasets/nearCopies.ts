import { bmvbhash } from 'blockhash-core';
import { IMAGE_BYTES, imageAt, type Source } from './source.ts';

/** Images that look alike although their pixels differ, as those of a copy that was scaled or encoded again. */
export interface NearCopies {
  /** Pairs of images in the Track that look alike. */
  readonly pairs: number;
  /** Those of them with one image held out and the other trained on. */
  readonly acrossHalves: number;
  /** Names of the images of one pair, from different halves if there is such a pair. */
  readonly example?: readonly [string, string];
}

/** Bits in which the hashes of two near-copies differ at most, of 64. */
const MOST_BITS = 6;
/**
 * Mean difference of two near-copies, as a share of the image's own mean deviation from its mean colour. CIFAR-10
 * images at 256 x 256, scaled to 32 to 600 pixels and encoded as JPEG at quality 30 to 85, differ by 0.01 to 0.2 in 90
 * of 100 cases; of 4.5 million pairs of its first 3,000 images none is so close.
 */
const MOST_DIFFERENCE = 0.2;
/** With more images, only pairs across the halves are looked for: the time grows with the square. */
const MOST_IMAGES = 60_000;

interface Candidate {
  readonly image: Uint8Array;
  readonly name: string;
  readonly isHeldOut: boolean;
}

/** Finds near-copies among the drawn images of a source with names, by a perceptual hash and the pixels. */
export function findNearCopies(
  source: Source,
  sample: { readonly train: readonly number[]; readonly test: readonly number[] },
): NearCopies {
  const [trainSet, testSet] = [source.train, source.test ?? source.train];
  const of = (set: typeof trainSet, isHeldOut: boolean) => (index: number) => ({
    image: imageAt(set, index),
    name: set.names?.[index] ?? '',
    isHeldOut,
  });
  // The held-out images come first.
  const all: Candidate[] = [...sample.test.map(of(testSet, true)), ...sample.train.map(of(trainSet, false))];
  const hashes = all.map(({ image }) => hash(image));
  const high = Uint32Array.from(hashes, (each) => Number.parseInt(each.slice(0, 8), 16));
  const low = Uint32Array.from(hashes, (each) => Number.parseInt(each.slice(8), 16));
  const heldOut = sample.test.length;
  const isComplete = all.length <= MOST_IMAGES;
  let pairs = 0;
  let acrossHalves = 0;
  let example: [string, string] | undefined;
  for (let one = 0; one < (isComplete ? all.length : heldOut); one++) {
    for (let other = isComplete ? one + 1 : heldOut; other < all.length; other++) {
      const bits = ones(high[one]! ^ high[other]!);
      if (bits > MOST_BITS || bits + ones(low[one]! ^ low[other]!) > MOST_BITS) continue;
      if (!lookAlike(all[one]!.image, all[other]!.image)) continue;
      const isAcross = all[one]!.isHeldOut !== all[other]!.isHeldOut;
      if (example === undefined || (isAcross && acrossHalves === 0)) {
        example = [all[one]!.name, all[other]!.name];
      }
      pairs++;
      if (isAcross) acrossHalves++;
    }
  }
  return { pairs, acrossHalves, ...(example === undefined ? {} : { example }) };
}

/** Returns 64 bits in hexadecimal: which of 8 x 8 blocks are brighter than the median of their band. */
function hash(image: Uint8Array): string {
  const data = new Uint8Array(32 * 32 * 4).fill(255);
  for (let pixel = 0; pixel < 32 * 32; pixel++) {
    data.set(image.subarray(pixel * 3, pixel * 3 + 3), pixel * 4);
  }
  return bmvbhash({ width: 32, height: 32, data }, 8);
}

/** Counts the bits that are set in 32. */
function ones(bits: number): number {
  const ofTwo = bits - ((bits >>> 1) & 0x55555555);
  const ofFour = (ofTwo & 0x33333333) + ((ofTwo >>> 2) & 0x33333333);
  return Math.imul((ofFour + (ofFour >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

function lookAlike(a: Uint8Array, b: Uint8Array): boolean {
  const sums = [0, 0, 0];
  for (let at = 0; at < IMAGE_BYTES; at++) sums[at % 3]! += a[at]!;
  const means = sums.map((sum) => (sum * 3) / IMAGE_BYTES);
  let deviation = 0;
  let difference = 0;
  for (let at = 0; at < IMAGE_BYTES; at++) {
    deviation += Math.abs(a[at]! - means[at % 3]!);
    difference += Math.abs(a[at]! - b[at]!);
  }
  return difference <= MOST_DIFFERENCE * deviation;
}
