import { IMAGE_SIZE } from './data.ts';
import {
  type Architecture,
  initialStatistics,
  initialWeights,
  multiplyAdds,
  type Whitening,
} from './model/resnet9.ts';
import type { Settings } from './settings.ts';
import { createTrainer } from './step.ts';

/** Widths to choose from, and the passes over the training images below which a width is not worth its cost. */
const WIDTHS = [1.5, 1, 0.75, 0.5, 0.375, 0.25];
const EPOCHS_WORTHWHILE = 40;

/** Width of the network whose steps are timed. Wider ones do more arithmetic a second, never less. */
const PROBE_WIDTH = 0.375;
const PROBE_STEPS = 3;

/**
 * The widest network that this machine can take often enough through the training images within the budget, by the
 * measured speed of a few steps on noise: two to four seconds of the budget.
 */
export function chooseWidth(
  ofWidth: (width: number) => Architecture,
  whitening: Whitening,
  settings: Settings,
  trainingImages: number,
  budgetSeconds: number,
): number {
  const rate = multiplyAddsPerSecond(ofWidth(PROBE_WIDTH), whitening, settings);
  const epochs = (width: number) =>
    (rate * budgetSeconds) / (3 * multiplyAdds(ofWidth(width)) * trainingImages);
  return WIDTHS.find((width) => epochs(width) >= EPOCHS_WORTHWHILE) ?? WIDTHS.at(-1)!;
}

/** Multiply-adds of forward and backward pass (three times those of the forward pass) that a second sees. */
function multiplyAddsPerSecond(architecture: Architecture, whitening: Whitening, settings: Settings): number {
  const { batchSize } = settings;
  const { classes } = architecture;
  const noise = Float32Array.from({ length: batchSize * IMAGE_SIZE }, () => Math.random() - 0.5);
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
    settings,
  );
  trainer.step(0); // the first step also compiles kernels and asks for memory
  const started = performance.now();
  for (let step = 0; step < PROBE_STEPS; step += 1) trainer.step(0);
  const seconds = (performance.now() - started) / 1000;
  trainer.dispose();
  return (3 * multiplyAdds(architecture) * batchSize * PROBE_STEPS) / seconds;
}
