import { IMAGE_SIZE } from './data.ts';
import { tf } from './engine/tensorflow.ts';
import { type Architecture, initialStatistics, initialWeights, multiplyAdds } from './model/resnet9.ts';
import { PATCH } from './model/whitening.ts';
import type { Settings } from './settings.ts';
import { createTrainer } from './step.ts';

/** What a run sets out to do on the machine that it finds. */
export interface Plan {
  readonly width: number;
  /** Expected passes over the training images. */
  readonly epochs: number;
}

const WIDTHS = [1.5, 1, 0.75, 0.5, 0.375, 0.25];

/** Width of the network whose steps are timed. Wider ones do more arithmetic a second, never less. */
const PROBE_WIDTH = 0.375;
const PROBE_STEPS = 4;

/**
 * The widest network that the budget takes through the training images at least `leastEpochs` times, by the measured
 * speed of a few steps on noise. A width that is set is kept.
 */
export function planRun(
  ofWidth: (width: number) => Architecture,
  settings: Settings,
  trainingImages: number,
  budgetSeconds: number,
): Plan {
  const rate = multiplyAddsPerSecond(ofWidth(settings.width || PROBE_WIDTH), settings);
  const epochs = (width: number) =>
    (rate * budgetSeconds) / (gradientsAStep(settings) * 3 * multiplyAdds(ofWidth(width)) * trainingImages);
  const width =
    settings.width || (WIDTHS.find((width) => epochs(width) >= settings.leastEpochs) ?? WIDTHS.at(-1)!);
  return { width, epochs: epochs(width) };
}

/** Gradients that a step takes, on average over the run. */
function gradientsAStep({ samEvery, samFrom, metaStep }: Settings): number {
  if (metaStep > 0) return 2;
  return samEvery > 0 ? 1 + (1 - samFrom) / samEvery : 1;
}

/** Multiply-adds of forward and backward pass (three times those of the forward pass) that a second sees. */
function multiplyAddsPerSecond(architecture: Architecture, settings: Settings): number {
  const { batchSize } = settings;
  const { classes } = architecture;
  const noise = Float32Array.from({ length: batchSize * IMAGE_SIZE }, () => Math.random() - 0.5);
  const whitening = tf.keep(tf.eye(PATCH));
  const trainer = createTrainer(
    architecture,
    whitening,
    initialWeights(architecture, 0),
    initialStatistics(architecture),
    () => ({
      images: noise.slice(),
      targets: new Float32Array(batchSize * classes).fill(1 / classes),
      labels: new Uint8Array(batchSize),
    }),
    { ...settings, samEvery: 0, metaStep: 0 },
  );
  trainer.step(0); // the first step also compiles kernels and asks for memory
  const seconds = Array.from({ length: PROBE_STEPS }, () => {
    const started = performance.now();
    trainer.step(0);
    return (performance.now() - started) / 1000;
  });
  trainer.dispose();
  whitening.dispose();
  // The fastest: what disturbs so short a measurement can only make it longer.
  return (3 * multiplyAdds(architecture) * batchSize) / Math.min(...seconds);
}
