import { availableParallelism } from 'node:os';
import pMap from 'p-map';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import sharp from 'sharp';
import { type Random, randomFrom } from '../random.ts';
import { IMAGE_BYTES, type Source } from '../source.ts';
import { drawScene, shapeNames } from './syntheticScene.ts';

/**
 * Draws `perClass` images of each of ten shapes from a seed, with random colours, texture, size, angle and position,
 * partly hidden, on clutter and under noise. No image repeats.
 *
 * Designed to be learnable, but not by a linear model: colour and brightness are independent of the shape.
 */
export async function readSynthetic(options: { perClass: number; seed: number }): Promise<Source> {
  const { perClass, seed } = options;
  const size = perClass * shapeNames.length;
  const random = randomFrom(seed);
  const images = new Uint8Array(size * IMAGE_BYTES);
  const labels = Uint8Array.from({ length: size }, (_, index) => index % shapeNames.length);
  // Every image has its own seed, taken in order, so the images do not depend on how many are drawn in parallel.
  const scenes = Array.from(labels, (label) => ({ label, seed: uniformInt(random, 0, 0x7fffffff) }));
  await pMap(
    scenes,
    async (scene, index) => {
      const own = randomFrom(scene.seed);
      const svg = drawScene(scene.label, own);
      const pixels = await sharp(Buffer.from(svg)).removeAlpha().raw().toBuffer();
      images.set(addNoise(pixels, own), index * IMAGE_BYTES);
    },
    { concurrency: 2 * availableParallelism() },
  );
  return {
    kind: 'synthetic',
    description: `drawn shapes, drawing seed ${seed}`,
    classes: shapeNames,
    train: { images, labels },
  };
}

/** Adds approximately normal noise (the sum of three uniform values) whose strength varies per image. */
function addNoise(pixels: Uint8Array, random: Random): Uint8Array {
  const strength = uniformInt(random, 4, 16);
  return pixels.map((value) => {
    const noise =
      uniformInt(random, -strength, strength) +
      uniformInt(random, -strength, strength) +
      uniformInt(random, -strength, strength);
    return Math.min(255, Math.max(0, value + noise));
  });
}
