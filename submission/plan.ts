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
/** The same where paths are compared: one that computes in bfloat16 gains by width what others do not. */
const COMPARED_WIDTH = 1;
const PROBE_STEPS = 4;
/** Share of the budget after which a path is given no further step: one that is slow is not to be waited for. */
const PROBE_SHARE = 0.05;

/**
 * The fastest path and the widest network that the budget takes through the training images at least `leastEpochs`
 * times, by the measured speed of a few steps on noise. A width that is set is kept. Leaves that path's engine chosen.
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
  const started = performance.now();
  const rateOf = (path: Path, width: number) => {
    chooseEngine(path.engine, cpus);
    const architecture = ofWidth(settings.width || width, path);
    return multiplyAddsPerSecond(architecture, settings, PROBE_SHARE * budgetSeconds);
  };
  const say = (line: string) => process.stdout.write(`${line}\n`);
  const path = fastest(paths, (path) => rateOf(path, COMPARED_WIDTH), say);
  const rate = rateOf(path, PROBE_WIDTH);
  const left = budgetSeconds - (performance.now() - started) / 1000;
  const epochs = (width: number) =>
    (rate * left) / (gradientsAStep(settings) * 3 * multiplyAdds(ofWidth(width, path)) * trainingImages);
  const width =
    settings.width || (WIDTHS.find((width) => epochs(width) >= settings.leastEpochs) ?? WIDTHS.at(-1)!);
  return { path, width, epochs: epochs(width) };
}

/**
 * The path with the highest rate, in multiply-adds a second. One that fails is left out, as long as another works.
 *
 * @throws Error of the last path where none works
 */
export function fastest(
  paths: readonly Path[],
  rateOf: (path: Path) => number,
  say: (line: string) => void,
): Path {
  if (paths.length === 1) return paths[0]!;
  let best: { path: Path; rate: number } | null = null;
  let failure: unknown;
  for (const path of paths) {
    const name = `${path.engine} ops in ${path.bfloat16 ? 'bfloat16' : 'float32'}`;
    try {
      const rate = rateOf(path);
      say(`${name}: ${(rate / 1e9).toFixed(1)} billion multiply-adds/s`);
      if (best === null || rate > best.rate) best = { path, rate };
    } catch (error) {
      say(`${name}: left out, for they fail: ${error}`);
      failure = error;
    }
  }
  if (best === null) throw failure;
  return best.path;
}

/** Gradients that a step takes, on average over the run. */
function gradientsAStep({ samEvery, samFrom, metaStep }: Settings): number {
  if (metaStep > 0) return 2;
  return samEvery > 0 ? 1 + (1 - samFrom) / samEvery : 1;
}

/**
 * Multiply-adds of forward and backward pass (three times those of the forward pass) that a second sees.
 *
 * @param seconds after which no further step begins
 */
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
  try {
    // The first step also compiles kernels and asks for memory, and is the slowest. Of all the fastest counts: what
    // disturbs so short a measurement can only make it longer.
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
