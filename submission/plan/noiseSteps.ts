import { IMAGE_SIZE } from '../data.ts';
import type { Engine } from '../engine/engine.ts';
import { tf } from '../engine/tensorflow.ts';
import { type Architecture, initialStatistics, initialWeights } from '../model/resnet9.ts';
import { PATCH } from '../model/whitening.ts';
import type { Settings } from '../settings.ts';
import { createTrainer } from '../step.ts';
import type { Steps } from './stepTimer.ts';

/** Prepares training steps with one gradient on noise, to be timed. */
export function startNoiseSteps(engine: Engine, architecture: Architecture, settings: Settings): Steps {
  const { batchSize } = settings;
  const { classes } = architecture;
  const noise = Float32Array.from({ length: batchSize * IMAGE_SIZE }, () => Math.random() - 0.5);
  const whitening = tf.keep(tf.eye(PATCH));
  const trainer = createTrainer(
    { engine, architecture, whitening },
    initialWeights(architecture, 0),
    initialStatistics(architecture),
    () => ({
      images: noise.slice(),
      targets: new Float32Array(batchSize * classes).fill(1 / classes),
      labels: new Uint8Array(batchSize),
    }),
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
