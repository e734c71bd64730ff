import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { dump } from 'npyjs';
import { loadModel, type Model } from './checkpoint.ts';
import { IMAGE_EDGE, IMAGE_SIZE, normalised, readImages, reflectPadded } from './data.ts';
import { chooseEngine } from './engine/engine.ts';
import { type Tensor, tf } from './engine/tensorflow.ts';
import type { Environment } from './environment.ts';
import { predictionLogits } from './model/resnet9.ts';

/** The predict stage: class scores for every test image, averaged over test-time views. */
export function predict({ modelDir, testImages, outDir, cpus }: Environment): void {
  const model = loadModel(modelDir);
  chooseEngine(model.engine === 'stock' ? 'stock' : 'auto', cpus);
  const images = normalised(readImages(testImages), model.normalisation);
  const scores = predictScores(model, images);
  const file = join(outDir, 'predictions.npy');
  writeFileSync(
    `${file}.new`,
    new Uint8Array(dump(scores, [images.length / IMAGE_SIZE, model.architecture.classes])),
  );
  renameSync(`${file}.new`, file);
}

const BATCH = 250;

/**
 * @param images float32 [count, 32, 32, 3], normalised
 * @returns logits, float32 [count, classes]
 */
function predictScores(model: Model, images: Float32Array): Float32Array {
  const count = images.length / IMAGE_SIZE;
  const { classes } = model.architecture;
  const scores = new Float32Array(count * classes);
  for (let start = 0; start < count; start += BATCH) {
    const end = Math.min(start + BATCH, count);
    const batch = images.subarray(start * IMAGE_SIZE, end * IMAGE_SIZE);
    scores.set(viewsAveraged(model, batch), start * classes);
  }
  return scores;
}

/**
 * Test-time views (airbench): half of the vote for the image and its mirror image, half for those of the image moved
 * by `testShift` pixels up and left, and down and right.
 */
function viewsAveraged(model: Model, batch: Float32Array): Float32Array {
  const count = batch.length / IMAGE_SIZE;
  const shift = model.testShift;
  const edge = IMAGE_EDGE + 2 * shift;
  return tf.tidy(() => {
    const padded = tf.tensor(reflectPadded(batch, shift), [count, edge, edge, 3]);
    const mirrored = (top: number, left: number): Tensor => {
      const view = tf.slice(padded, [0, top, left, 0], [count, IMAGE_EDGE, IMAGE_EDGE, 3]);
      return tf.add(logits(model, view), logits(model, tf.reverse(view, 2)));
    };
    const centre = mirrored(shift, shift);
    if (shift === 0) return tf.mul(centre, 1 / 2).dataSync() as Float32Array;
    const moved = tf.add(mirrored(0, 0), mirrored(2 * shift, 2 * shift));
    return tf.add(tf.mul(centre, 1 / 4), tf.mul(moved, 1 / 8)).dataSync() as Float32Array;
  });
}

const logits = ({ architecture, whitening, weights, statistics }: Model, images: Tensor): Tensor =>
  tf.tidy(() => predictionLogits(architecture, whitening, weights, statistics, images));
