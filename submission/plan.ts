import { IMAGE_SIZE } from './data.ts';
import type { Engine } from './engine/engine.ts';
import { tf } from './engine/tensorflow.ts';
import { type Architecture, initialStatistics, initialWeights, multiplyAdds } from './model/resnet9.ts';
import { PATCH } from './model/whitening.ts';
import type { Settings } from './settings.ts';
import { createTrainer } from './step.ts';

/** Task of a run: the engines, the settings, the images and the budget. */
export interface Task {
  /** One or more engines to choose from. */
  readonly engines: readonly Engine[];
  readonly ofWidth: (width: number) => Architecture;
  readonly settings: Settings;
  readonly trainingImages: number;
  readonly budgetSeconds: number;
}

export interface Plan {
  readonly engine: Engine;
  readonly width: number;
  /** Expected epochs. */
  readonly epochs: number;
}

/**
 * Measures how fast an engine trains a network.
 *
 * @param seconds after which no further step starts
 * @returns multiply-adds of forward and backward pass (three times those of the forward pass) per second
 */
export type Measure = (
  engine: Engine,
  architecture: Architecture,
  settings: Settings,
  seconds: number,
) => number;

const WIDTHS = [1.5, 1, 0.75, 0.5, 0.375, 0.25];

/** Width of the network whose steps are timed. Wider networks reach at least this rate. */
const PROBE_WIDTH = 0.375;
/** Width for comparing engines, because bfloat16 gains more from width. */
const COMPARED_WIDTH = 1;
const PROBE_STEPS = 4;
/** Maximum share of the budget to time an engine, so that a slow one is cut off. */
const PROBE_SHARE = 0.05;

/**
 * Plans a run: returns the fastest engine and the widest network with at least `leastEpochs` epochs in the budget, by
 * timing a few steps on noise. A given width is kept.
 *
 * @param say prints a line
 */
export function planRun(
  { engines, ofWidth, settings, trainingImages, budgetSeconds }: Task,
  say: (line: string) => void,
  measure: Measure = multiplyAddsPerSecond,
): Plan {
  const started = performance.now();
  const rateOf = (engine: Engine, width: number) =>
    measure(engine, ofWidth(settings.width || width), settings, PROBE_SHARE * budgetSeconds);
  const engine = fastest(engines, (engine) => rateOf(engine, COMPARED_WIDTH), say);
  const rate = rateOf(engine, PROBE_WIDTH);
  const left = budgetSeconds - (performance.now() - started) / 1000;
  const epochs = (width: number) =>
    (rate * left) / (gradientsPerStep(settings) * 3 * multiplyAdds(ofWidth(width)) * trainingImages);
  const width =
    settings.width || (WIDTHS.find((width) => epochs(width) >= settings.leastEpochs) ?? WIDTHS.at(-1)!);
  return { engine, width, epochs: epochs(width) };
}

/**
 * Returns the engine with the highest rate, in multiply-adds per second. Engines that fail are skipped if another
 * works. A single engine is not measured.
 *
 * @throws Error of the last engine if none works
 */
export function fastest<E extends Pick<Engine, 'path'>>(
  engines: readonly E[],
  rateOf: (engine: E) => number,
  say: (line: string) => void,
): E {
  if (engines.length === 1) return engines[0]!;
  let best: { engine: E; rate: number } | null = null;
  let failure: unknown;
  for (const engine of engines) {
    const name = `${engine.path.engine} ops in ${engine.path.bfloat16 ? 'bfloat16' : 'float32'}`;
    try {
      const rate = rateOf(engine);
      say(`${name}: ${(rate / 1e9).toFixed(1)} billion multiply-adds/s`);
      if (best === null || rate > best.rate) best = { engine, rate };
    } catch (error) {
      say(`${name}: skipped because they fail: ${error}`);
      failure = error;
    }
  }
  if (best === null) throw failure;
  return best.engine;
}

/** Returns the gradients per step, on average over the run. */
function gradientsPerStep({ samEvery, samFrom, metaStep }: Settings): number {
  if (metaStep > 0) return 2;
  return samEvery > 0 ? 1 + (1 - samFrom) / samEvery : 1;
}

function multiplyAddsPerSecond(
  engine: Engine,
  architecture: Architecture,
  settings: Settings,
  seconds: number,
): number {
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
  try {
    // The first step also compiles kernels and allocates memory. The fastest step counts, because disturbances only
    // slow a measurement.
    let least = Number.POSITIVE_INFINITY;
    let spent = 0;
    for (let step = 0; step <= PROBE_STEPS && spent < seconds; step += 1) {
      const started = performance.now();
      trainer.step(0);
      const taken = (performance.now() - started) / 1000;
      least = Math.min(least, taken);
      spent += taken;
    }
    return (3 * multiplyAdds(architecture) * batchSize) / least;
  } finally {
    trainer.dispose();
    whitening.dispose();
  }
}
