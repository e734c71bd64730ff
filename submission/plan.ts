import { IMAGE_SIZE } from './data.ts';
import { chooseEngine } from './engine/engine.ts';
import { tf } from './engine/tensorflow.ts';
import type { Path } from './hardware.ts';
import { type Architecture, initialStatistics, initialWeights, multiplyAdds } from './model/resnet9.ts';
import { PATCH } from './model/whitening.ts';
import type { Settings } from './settings.ts';
import { createTrainer } from './step.ts';

/** What a run sets out to do on the machine that it finds. */
export interface Plan {
  readonly path: Path;
  readonly width: number;
  /** Expected passes over the training images. */
  readonly epochs: number;
}

const WIDTHS = [1.5, 1, 0.75, 0.5, 0.375, 0.25];

/** Width of the network whose steps are timed. Wider ones do more arithmetic a second, never less. */
const PROBE_WIDTH = 0.375;
const PROBE_STEPS = 4;
/** Share of the budget after which a path is given no further step: one that is slow is not to be waited for. */
const PROBE_SHARE = 0.02;

/**
 * The fastest path and the widest network that the budget takes through the training images at least `leastEpochs`
 * times, by the measured speed of a few steps on noise. A width that is set is kept.
 *
 * @param paths to choose between
 * @param cpus that may compute
 */
export function planRun(
  paths: readonly Path[],
  cpus: number,
  ofWidth: (width: number, path: Path) => Architecture,
  settings: Settings,
  trainingImages: number,
  budgetSeconds: number,
): Plan {
  const { path, rate } = fastest(paths, (path) => {
    chooseEngine(path.engine, cpus);
    const width = settings.width || PROBE_WIDTH;
    return multiplyAddsPerSecond(ofWidth(width, path), settings, PROBE_SHARE * budgetSeconds);
  });
  const epochs = (width: number) =>
    (rate * budgetSeconds) /
    (gradientsAStep(settings) * 3 * multiplyAdds(ofWidth(width, path)) * trainingImages);
  const width =
    settings.width || (WIDTHS.find((width) => epochs(width) >= settings.leastEpochs) ?? WIDTHS.at(-1)!);
  return { path, width, epochs: epochs(width) };
}

/** The path with the highest rate, and that rate. */
export function fastest(
  paths: readonly Path[],
  rateOf: (path: Path) => number,
): { path: Path; rate: number } {
  return paths
    .map((path) => ({ path, rate: rateOf(path) }))
    .reduce((best, each) => (each.rate > best.rate ? each : best));
}

/** Gradients that a step takes, on average over the run. */
function gradientsAStep({ samEvery, samFrom, metaStep }: Settings): number {
  if (metaStep > 0) return 2;
  return samEvery > 0 ? 1 + (1 - samFrom) / samEvery : 1;
}

/** Multiply-adds of forward and backward pass (three times those of the forward pass) that a second sees. */
function multiplyAddsPerSecond(architecture: Architecture, settings: Settings, seconds: number): number {
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
  // The fastest: what disturbs so short a measurement can only make it longer.
  let least = Number.POSITIVE_INFINITY;
  const probing = performance.now();
  for (let step = 0; step < PROBE_STEPS; step += 1) {
    const started = performance.now();
    trainer.step(0);
    least = Math.min(least, (performance.now() - started) / 1000);
    if (performance.now() - probing > 1000 * seconds) break;
  }
  trainer.dispose();
  whitening.dispose();
  return (3 * multiplyAdds(architecture) * batchSize) / least;
}
