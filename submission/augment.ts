import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import {
  channelStatistics,
  IMAGE_EDGE,
  IMAGE_SIZE,
  type Normalisation,
  normalised,
  reflectPadded,
} from './data.ts';
import { randomMap, recolour, warp } from './distort.ts';
import type { Settings } from './settings.ts';
import { trivialAugment } from './trivialAugment.ts';

/** A batch in flat typed arrays. TensorFlow uses them without a copy, so they must never be modified again. */
export interface HostBatch {
  /** float32 [batch, 32, 32, 3] */
  readonly images: Float32Array;
  /** float32 [batch, classes] */
  readonly targets: Float32Array;
  /** uint8 [batch]: the class of each image, or of the larger part of a mixed image */
  readonly labels: Uint8Array;
}

export interface Augmenter {
  /**
   * Returns the next batch.
   *
   * @param fraction elapsed share of the budget
   * @param expectedEpochs of the whole run
   */
  next(fraction: number, expectedEpochs: number): HostBatch;
  /** Passes over the training images so far. */
  epochs(): number;
  readonly normalisation: Normalisation;
  /** float32 [count, 32, 32, 3]: the training images without augmentation, normalised */
  readonly plainImages: Float32Array;
}

const ROW = IMAGE_EDGE * 3;

/**
 * Returns the share of the batches with CutMix and with cutout, and the share of the images that are distorted, by the
 * length of a run. CutMix and distortion slow learning and reduce overfitting: both are off in the shortest runs. Distortion
 * begins in shorter runs than CutMix. Where CutMix is off, cutout stands in for it. In between the shares change linearly,
 * so that a few more epochs never change the recipe much.
 */
export function augmentationFor(
  epochs: number,
  settings: Pick<
    Settings,
    | 'cutmixFromEpochs'
    | 'cutmixFullEpochs'
    | 'cutmixProbability'
    | 'distortFromEpochs'
    | 'distortFullEpochs'
    | 'distortProbability'
  >,
): { cutmix: number; cutout: number; distortion: number } {
  const { cutmixProbability, distortProbability } = settings;
  const mixing = rise(epochs, settings.cutmixFromEpochs, settings.cutmixFullEpochs);
  return {
    cutmix: mixing * cutmixProbability,
    cutout: cutmixProbability === 0 ? 1 : 1 - mixing,
    distortion: rise(epochs, settings.distortFromEpochs, settings.distortFullEpochs) * distortProbability,
  };
}

/** Returns 0 up to `from`, 1 from `full` on, and a linear rise in between. */
function rise(epochs: number, from: number, full: number): number {
  return epochs >= full ? 1 : Math.max(0, (epochs - from) / (full - from));
}

/**
 * Creates an endless stream of augmented batches: every image once per epoch in random order, a random crop of the
 * image padded by reflection, alternating flip (a random half of the images is mirrored in even epochs, the other half
 * in odd ones; airbench), distortion of shape and colour (distort.ts) or one random operation (trivialAugment.ts), cutout
 * (DeVries and Taylor 2017), CutMix (Yun et al. 2019) within the batch with a separate box per image, smoothed labels.
 *
 * @param images uint8 [count, 32, 32, 3]
 * @param labels uint8 [count]
 */
export function createAugmenter(
  images: Uint8Array,
  labels: Uint8Array,
  classes: number,
  settings: Settings,
  seed: number,
): Augmenter {
  const count = labels.length;
  const { batchSize, cropPadding, cutoutSize, cutmixUntil, distortUntil, labelSmoothing } = settings;
  const { distortMethod, trivialStrength } = settings;
  const normalisation = channelStatistics(images);
  const plainImages = normalised(images, normalisation);
  const padded = reflectPadded(plainImages, cropPadding);
  const paddedEdge = IMAGE_EDGE + 2 * cropPadding;
  const paddedSize = paddedEdge * paddedEdge * 3;

  const generator = xoroshiro128plus(seed);
  const below = (limit: number) => uniformInt(generator, 0, limit - 1);
  const fraction = () => below(2 ** 24) / 2 ** 24;
  const signed = () => 2 * fraction() - 1;
  const order = Uint32Array.from({ length: count }, (_, index) => index);
  const flippedFirst = Uint8Array.from({ length: count }, () => below(2));
  let position = count;
  let epoch = -1;

  function nextIndex(): number {
    if (position === count) {
      shuffle(order, below);
      position = 0;
      epoch += 1;
    }
    position += 1;
    return order[position - 1]!;
  }

  function crop(into: Float32Array, at: number, index: number): void {
    const start =
      index * paddedSize + (below(2 * cropPadding + 1) * paddedEdge + below(2 * cropPadding + 1)) * 3;
    const flip = (flippedFirst[index]! + epoch) % 2 === 1;
    for (let row = 0; row < IMAGE_EDGE; row += 1) {
      const from = start + row * paddedEdge * 3;
      const to = at + row * ROW;
      if (!flip) {
        copy(into, to, padded, from, ROW);
        continue;
      }
      for (let column = 0; column < ROW; column += 3) {
        const mirrored = to + ROW - 3 - column;
        into[mirrored] = padded[from + column]!;
        into[mirrored + 1] = padded[from + column + 1]!;
        into[mirrored + 2] = padded[from + column + 2]!;
      }
    }
  }

  const undistorted = new Float32Array(IMAGE_SIZE);
  function distort(into: Float32Array, at: number, probability: number): void {
    if (distortMethod === 'trivial') {
      if (fraction() < probability) trivialAugment(into, at, normalisation, fraction, trivialStrength);
      return;
    }
    if (fraction() < probability) {
      copy(undistorted, 0, into, at, IMAGE_SIZE);
      warp(into, at, undistorted, randomMap(signed, settings));
    }
    if (fraction() < probability) recolour(into, at, signed, settings);
  }

  /** Returns a box of `height` by `width` pixels around a random centre, clipped at the border. */
  function randomBox(height: number, width: number): Box {
    const [middleRow, middleColumn] = [below(IMAGE_EDGE), below(IMAGE_EDGE)];
    return {
      top: Math.max(0, middleRow - (height >> 1)),
      bottom: Math.min(IMAGE_EDGE, middleRow - (height >> 1) + height),
      left: Math.max(0, middleColumn - (width >> 1)),
      right: Math.min(IMAGE_EDGE, middleColumn - (width >> 1) + width),
    };
  }

  function next(gone: number, expectedEpochs: number): HostBatch {
    const { cutmix, cutout, distortion } = augmentationFor(expectedEpochs, settings);
    const distorts = distortion > 0 && gone < distortUntil;
    const cuts = cutoutSize > 0 && fraction() < cutout;
    const batch = {
      images: new Float32Array(batchSize * IMAGE_SIZE),
      targets: new Float32Array(batchSize * classes).fill(labelSmoothing / classes),
      labels: new Uint8Array(batchSize),
    };
    for (let slot = 0; slot < batchSize; slot += 1) {
      const index = nextIndex();
      crop(batch.images, slot * IMAGE_SIZE, index);
      if (distorts) distort(batch.images, slot * IMAGE_SIZE, distortion);
      batch.labels[slot] = labels[index]!;
      if (cuts) erase(batch.images, slot * IMAGE_SIZE, randomBox(cutoutSize, cutoutSize));
    }
    const mixes = gone < cutmixUntil && fraction() < cutmix;
    const whole = mixes ? batch.images.slice() : batch.images;
    const wholeLabels = mixes ? batch.labels.slice() : batch.labels;
    for (let slot = 0; slot < batchSize; slot += 1) {
      // The batch is in random order, so the next image is a random partner.
      const partner = (slot + 1) % batchSize;
      let share = 0;
      if (mixes) {
        const edge = Math.round(IMAGE_EDGE * Math.sqrt(fraction()));
        const box = randomBox(edge, edge);
        paste(batch.images, slot * IMAGE_SIZE, whole, partner * IMAGE_SIZE, box);
        share = ((box.bottom - box.top) * (box.right - box.left)) / (IMAGE_EDGE * IMAGE_EDGE);
      }
      const [own, other] = [wholeLabels[slot]!, wholeLabels[partner]!];
      batch.targets[slot * classes + own]! += (1 - labelSmoothing) * (1 - share);
      batch.targets[slot * classes + other]! += (1 - labelSmoothing) * share;
      if (share > 0.5) batch.labels[slot] = other;
    }
    return batch;
  }

  return { next, epochs: () => epoch + position / count, normalisation, plainImages };
}

interface Box {
  readonly top: number;
  readonly bottom: number;
  readonly left: number;
  readonly right: number;
}

/** Sets a box to zero, which is the mean colour of normalised images. */
function erase(images: Float32Array, at: number, { top, bottom, left, right }: Box): void {
  for (let row = top; row < bottom; row += 1)
    images.fill(0, at + row * ROW + left * 3, at + row * ROW + right * 3);
}

function paste(into: Float32Array, at: number, from: Float32Array, fromAt: number, box: Box): void {
  for (let row = box.top; row < box.bottom; row += 1) {
    const left = row * ROW + box.left * 3;
    copy(into, at + left, from, fromAt + left, (box.right - box.left) * 3);
  }
}

/** Copies in a loop, because `set(subarray())` allocates one object per row, thousands per step, and is not faster. */
function copy(into: Float32Array, at: number, from: Float32Array, fromAt: number, count: number): void {
  for (let index = 0; index < count; index += 1) into[at + index] = from[fromAt + index]!;
}

/** Shuffles in place (Fisher and Yates). */
function shuffle(order: Uint32Array, below: (limit: number) => number): void {
  for (let last = order.length - 1; last > 0; last -= 1) {
    const other = below(last + 1);
    [order[last], order[other]] = [order[other]!, order[last]!];
  }
}
