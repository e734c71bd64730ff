import { describe, expect, test } from '@jest/globals';
import { createAugmenter } from '../../submission/augment.ts';
import type { EngineName } from '../../submission/engine/engine.ts';
import { backend } from '../../submission/engine/ops.ts';
import { tf } from '../../submission/engine/tensorflow.ts';
import { initialStatistics, initialWeights, multiplyAdds } from '../../submission/model/resnet9.ts';
import { defaultSettings, type Settings } from '../../submission/settings.ts';
import { createTrainer } from '../../submission/step.ts';
import { engineOf, engines } from './engines.ts';

const plain = { width: 0.125, classes: 4, celuAlpha: 0.3, logitScale: 1 / 16 };
const images = Uint8Array.from({ length: 16 * 3072 }, (_, index) => (index * 7919 + (index >> 10)) % 256);
const labels = Uint8Array.from({ length: 16 }, (_, index) => index % 4);

function trainerWith(changes: Partial<Settings>, engine: EngineName = 'stock') {
  const settings = { ...defaultSettings, batchSize: 4, ...changes };
  const architecture = { ...plain, mirrorFilters: settings.mirrorFilters };
  const augmenter = createAugmenter(images, labels, 4, settings, 1);
  const weights = initialWeights(architecture, 1);
  return createTrainer(
    { engine: engineOf(engine), architecture, whitening: tf.keep(tf.eye(27)) },
    weights,
    initialStatistics(architecture),
    (fraction) => augmenter.next(fraction, 100),
    settings,
  );
}

describe.each(engines)('over steps, %s', (engine) => {
  test.each([
    ['the default recipe', 20, {}],
    ['SGD of all weights', 20, { optimizer: 'sgd' }],
    ['SAM at every step', 20, { samEvery: 1 }],
    ['lookahead', 20, { lookaheadEvery: 5 }],
    ['meta-learning', 20, { metaStep: 0.1 }],
    ['a network without mirror-equivariance', 20, { mirrorFilters: false }],
  ])('%s leaks no tensor over %i steps', (_, steps, changes) => {
    const trainer = trainerWith(changes, engine);
    trainer.step(0.1);
    const before = backend.getNumOfTFTensors();
    for (let step = 0; step < steps; step += 1) trainer.step(0.1);
    expect(backend.getNumOfTFTensors()).toBe(before);
  });

  test('dispose frees all tensors of a trainer', () => {
    trainerWith({}, engine).dispose(); // creates the constants that are kept permanently
    const before = tf.memory().numTensors;
    trainerWith({}, engine).dispose();
    expect(tf.memory().numTensors - before).toBe(1); // the whitening, created by the test
  });
});

test.each([
  ['the default recipe', {}],
  ['SGD', { optimizer: 'sgd' }],
  ['SAM', { samEvery: 1 }],
  ['meta-learning', { metaStep: 0.1 }],
  ['no centralization', { gradientCentralization: false }],
  ['no mirror-equivariance', { mirrorFilters: false }],
])('%s memorises sixteen images', (_, changes) => {
  const trainer = trainerWith({
    ...changes,
    batchSize: 16,
    cropPadding: 0,
    cutmixProbability: 0,
    distortProbability: 0,
    labelSmoothing: 0,
  });
  let last = { loss: 0, accuracy: 0 };
  for (let step = 0; step < 60; step += 1) last = trainer.step(0.1);
  expect(last.accuracy).toBe(1);
  expect(last.loss).toBeLessThan(0.3);
});

test('running statistics follow the batches', () => {
  const trainer = trainerWith({ statisticsMomentum: 0.5 });
  for (let step = 0; step < 5; step += 1) trainer.step(0);
  const [mean, variance] = [trainer.statistics.stem!.mean, trainer.statistics.stem!.variance];
  expect(Math.max(...mean.abs().dataSync())).toBeGreaterThan(0);
  expect(Math.max(...variance.sub(1).abs().dataSync())).toBeGreaterThan(0.01);
});

test('width 1 is the network of 379 million multiply-adds', () => {
  expect(Math.round(multiplyAdds({ width: 1, classes: 10 }) / 1e6)).toBe(379);
});
