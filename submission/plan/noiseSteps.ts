import { createAugmenter } from '../augment.ts';
import { IMAGE_SIZE } from '../data.ts';
import type { Engine } from '../engine/engine.ts';
import { tf } from '../engine/tensorflow.ts';
import { type Architecture, initialStatistics, initialWeights } from '../model/resnet9.ts';
import { PATCH } from '../model/whitening.ts';
import type { Settings } from '../settings.ts';
import { createTrainer } from '../step.ts';
import type { Steps } from './stepTimer.ts';

/** Prepares training steps with one gradient on noise, to be timed. They include the augmentation of a batch. */
export function startNoiseSteps(engine: Engine, architecture: Architecture, settings: Settings): Steps {
  const { batchSize } = settings;
  const { classes } = architecture;
  const augmenter = createAugmenter(
    Uint8Array.from({ length: batchSize * IMAGE_SIZE }, () => Math.random() * 256),
    Uint8Array.from({ length: batchSize }, (_, index) => index % classes),
    classes,
    settings,
    0,
  );
  const whitening = tf.keep(tf.eye(PATCH));
  const trainer = createTrainer(
    { engine, architecture, whitening },
    initialWeights(architecture, 0),
    initialStatistics(architecture),
    () => augmenter.next(0, Number.POSITIVE_INFINITY),
    { ...settings, samEvery: 0, metaStep: 0 },
  );
  return {
    step: () => trainer.step(0),
    close() {
      trainer.dispose();
      whitening.dispose();
    },
  };
}
