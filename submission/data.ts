import { readFileSync } from 'node:fs';
import { parse } from 'npyjs';

export const IMAGE_EDGE = 32;
export const IMAGE_CHANNELS = 3;
export const IMAGE_SIZE = IMAGE_EDGE * IMAGE_EDGE * IMAGE_CHANNELS;

/**
 * Reads images.npy.
 *
 * @returns uint8 [count, 32, 32, 3], flat
 * @throws Error if the file has another type or shape
 */
export function readImages(path: string): Uint8Array {
  const { data, shape } = readUint8(path);
  const isImages =
    shape.length === 4 && shape.slice(1).join() === `${IMAGE_EDGE},${IMAGE_EDGE},${IMAGE_CHANNELS}`;
  if (!isImages) throw new Error(`${path} has shape [${shape}]; expected [count, 32, 32, 3].`);
  return data;
}

/** Reads labels.npy. @returns uint8 [count] */
export function readLabels(path: string): Uint8Array {
  const { data, shape } = readUint8(path);
  if (shape.length !== 1) throw new Error(`${path} has shape [${shape}]; expected [count].`);
  return data;
}

function readUint8(path: string): { data: Uint8Array; shape: number[] } {
  const file = readFileSync(path);
  const { data, shape, dtype } = parse(
    file.buffer.slice(file.byteOffset, file.byteOffset + file.length) as ArrayBuffer,
  );
  if (dtype !== 'u1') throw new Error(`${path} has dtype ${dtype}; expected uint8.`);
  return { data: data as Uint8Array, shape };
}

/** Mean and standard deviation of each channel, in units of 0 to 255. */
export interface Normalisation {
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
}

/** Computes mean and deviation of each channel. @param images uint8 [count, 32, 32, 3] */
export function channelStatistics(images: Uint8Array): Normalisation {
  const sums = [0, 0, 0];
  const squares = [0, 0, 0];
  for (let index = 0; index < images.length; index += 1) {
    const value = images[index]!;
    sums[index % 3]! += value;
    squares[index % 3]! += value * value;
  }
  const count = images.length / 3;
  const mean = sums.map((sum) => sum / count);
  // Constant channels are not scaled.
  const deviation = squares.map((square, channel) => Math.sqrt(square / count - mean[channel]! ** 2) || 1);
  return { mean, deviation };
}

/** Normalises images. @returns float32, (value - mean) / deviation of each channel */
export function normalised(images: Uint8Array, { mean, deviation }: Normalisation): Float32Array {
  const table = mean.map((average, channel) =>
    Float32Array.from({ length: 256 }, (_, value) => (value - average) / deviation[channel]!),
  );
  const output = new Float32Array(images.length);
  for (let index = 0; index < images.length; index += 1) output[index] = table[index % 3]![images[index]!]!;
  return output;
}

/**
 * Pads images by reflection without repeating the edge.
 *
 * @param images [count, 32, 32, 3]
 * @returns [count, 32 + 2 padding, 32 + 2 padding, 3]
 */
export function reflectPadded(images: Float32Array, padding: number): Float32Array {
  const edge = IMAGE_EDGE + 2 * padding;
  const count = images.length / IMAGE_SIZE;
  const source = Array.from({ length: edge }, (_, position) => {
    const inside = Math.abs(position - padding);
    return inside < IMAGE_EDGE ? inside : 2 * (IMAGE_EDGE - 1) - inside;
  });
  const output = new Float32Array(count * edge * edge * 3);
  let at = 0;
  for (let image = 0; image < count; image += 1) {
    for (const row of source) {
      const start = image * IMAGE_SIZE + row * IMAGE_EDGE * 3;
      for (const column of source) {
        const pixel = start + column * 3;
        output[at] = images[pixel]!;
        output[at + 1] = images[pixel + 1]!;
        output[at + 2] = images[pixel + 2]!;
        at += 3;
      }
    }
  }
  return output;
}
