import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { dump } from 'npyjs';
import { loadModel, type Model } from './checkpoint.ts';
import { IMAGE_SIZE, normalised, readImages } from './data.ts';
import { createEngine } from './engine/createEngine.ts';
import type { Engine } from './engine/engine.ts';
import { type Tensor, tf } from './engine/tensorflow.ts';
import type { Environment } from './environment.ts';
import { pathToPredict } from './hardware.ts';
import { pooledOverHalves } from './model/mirror.ts';
import { networkWeights, predictionLogits, type Statistics } from './model/resnet9.ts';
import { viewsAveraged } from './testTimeViews.ts';

/** Runs the predict stage: writes class scores for every test image, averaged over test-time views. */
export function predict({ modelDir, testImages, outDir, cpus }: Environment): void {
  const model = loadModel(modelDir);
  const engine = createEngine(pathToPredict(model.path), cpus);
  const images = normalised(readImages(testImages), model.normalisation);
  const scores = predictScores(engine, model, images);
  const file = join(outDir, 'predictions.npy');
  writeFileSync(
    `${file}.new`,
    new Uint8Array(dump(scores, [images.length / IMAGE_SIZE, model.architecture.classes])),
  );
  renameSync(`${file}.new`, file);
}

const BATCH = 250;

/**
 * Computes logits.
 *
 * @param images float32 [count, 32, 32, 3], normalised
 * @returns logits, float32 [count, classes]
 */
function predictScores(engine: Engine, model: Model, images: Float32Array): Float32Array {
  const { architecture, whitening, weights, testShift } = model;
  const { mirrorFilters } = architecture;
  const statistics = mirrorFilters ? pooledStatistics(model.statistics) : model.statistics;
  const network = { engine, architecture, whitening };
  const whole = networkWeights(network, weights);
  const logits = (view: Tensor) => tf.tidy(() => predictionLogits(network, whole, statistics, view));
  const count = images.length / IMAGE_SIZE;
  const scores = new Float32Array(count * architecture.classes);
  for (let start = 0; start < count; start += BATCH) {
    const end = Math.min(start + BATCH, count);
    const batch = images.subarray(start * IMAGE_SIZE, end * IMAGE_SIZE);
    scores.set(viewsAveraged(batch, testShift, !mirrorFilters, logits), start * architecture.classes);
  }
  return scores;
}

const pooledStatistics = (statistics: Statistics): Statistics =>
  Object.fromEntries(Object.entries(statistics).map(([block, each]) => [block, pooledOverHalves(each)]));
