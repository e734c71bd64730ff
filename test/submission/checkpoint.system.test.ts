/** @jest-environment ./test/submission/sharedTypedArrays.mjs */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { loadModel, type Model, saveModel } from '../../submission/checkpoint.ts';
import { tf } from '../../submission/engine/tensorflow.ts';

const folder = mkdtempSync(join(tmpdir(), 'haet-checkpoint-'));
afterAll(() => rmSync(folder, { recursive: true }));

const modelOf = (value: number): Model => ({
  architecture: { width: 1, classes: 2, celuAlpha: 0.3, logitScale: 1 / 16, mirrorFilters: true },
  normalisation: { mean: [1, 2, 3], deviation: [4, 5, 6] },
  whitening: tf.eye(2),
  weights: { 'layer1.filter': tf.tensor([value, 2], [1, 2]) },
  statistics: { layer1: { mean: tf.tensor([3]), variance: tf.tensor([4]) } },
  testShift: 1,
  path: { engine: 'stock', bfloat16: true },
});
const value = (model: Model) => model.weights['layer1.filter']!.dataSync()[0];

test('round-trips a model', async () => {
  await saveModel(folder, modelOf(7), 1);
  const { architecture, normalisation, testShift, path, statistics, weights, whitening } = loadModel(folder);
  const saved = modelOf(7);
  expect({ architecture, normalisation, testShift, path }).toEqual({
    architecture: saved.architecture,
    normalisation: saved.normalisation,
    testShift: saved.testShift,
    path: saved.path,
  });
  expect(Array.from(weights['layer1.filter']!.dataSync())).toEqual([7, 2]);
  expect(weights['layer1.filter']!.shape).toEqual([1, 2]);
  expect(Array.from(whitening.dataSync())).toEqual([1, 0, 0, 1]);
  expect(statistics.layer1!.mean.dataSync()[0]).toBe(3);
  expect(statistics.layer1!.variance.dataSync()[0]).toBe(4);
});

test('the newest model is kept and older ones are removed, also when a step is saved twice', async () => {
  await saveModel(folder, modelOf(1), 10);
  await saveModel(folder, modelOf(2), 20);
  await saveModel(folder, modelOf(3), 20);
  expect(value(loadModel(folder))).toBe(3);
  expect(readdirSync(folder).sort()).toEqual(['model.json', 'weights-20.bin']);
});

test('weights that are not finite are rejected, and the previous model is kept', async () => {
  await saveModel(folder, modelOf(5), 30);
  await expect(saveModel(folder, modelOf(Number.NaN), 40)).rejects.toThrow(/not finite at step 40/);
  expect(value(loadModel(folder))).toBe(5);
});
