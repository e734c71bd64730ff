import { createInterface } from 'node:readline';
import { createAugmenter } from '../../submission/augment.ts';
import { IMAGE_SIZE } from '../../submission/data.ts';
import { createEngine } from '../../submission/engine/createEngine.ts';
import { backend } from '../../submission/engine/ops.ts';
import { tf } from '../../submission/engine/tensorflow.ts';
import { initialStatistics, initialWeights } from '../../submission/model/resnet9.ts';
import { defaultSettings } from '../../submission/settings.ts';
import { createTrainer } from '../../submission/step.ts';

/**
 * Our side of the throughput benchmark, in its own process: reads lines "STEPS n", "MEMORY n" or "PROFILE n" and
 * answers each with one JSON line. Arguments: width, batch size, threads, path as JSON.
 */
const [width, batchSize, threads] = process.argv.slice(2, 5).map(Number) as [number, number, number];
const engine = createEngine(JSON.parse(process.argv[5]!), threads);
const classes = 10;
/** Expected epochs of a run with the full share of CutMix. */
const LONG_RUN = 100;
const AUGMENTATION = 'augmentation';
const { celuAlpha, logitScale } = defaultSettings;
const architecture = { width, classes, celuAlpha, logitScale };
const count = 2 * batchSize;
// The peer's: plain filters, all updated by SGD.
const settings = { ...defaultSettings, batchSize, optimizer: 'sgd', mirrorFilters: false };
const augmenter = createAugmenter(
  Uint8Array.from({ length: count * IMAGE_SIZE }, () => Math.random() * 256),
  Uint8Array.from({ length: count }, (_, index) => index % classes),
  classes,
  settings,
  1,
);
const trainer = createTrainer(
  { engine, architecture, whitening: tf.keep(tf.eye(27)) },
  initialWeights(architecture, 1),
  initialStatistics(architecture),
  (fraction) => nextBatch(fraction),
  settings,
);

const augmented = (fraction: number) => augmenter.next(fraction, LONG_RUN);
let nextBatch = augmented;

function timed(steps: number): number {
  const started = performance.now();
  for (let step = 0; step < steps; step += 1) trainer.step(0.1);
  return (performance.now() - started) / 1000;
}

/** Returns the milliseconds per step in each TensorFlow op and in augmentation, largest first. */
function profiled(steps: number): Record<string, number> {
  const spent: Record<string, number> = {};
  const { binding } = backend;
  const names = Object.getOwnPropertyNames(binding) as (keyof typeof binding)[];
  const bound = Object.fromEntries(
    names.map((name) => [
      name,
      typeof binding[name] === 'function' ? binding[name].bind(binding) : binding[name],
    ]),
  );
  const watched = {
    ...bound,
    executeOp: (...call: Parameters<typeof binding.executeOp>) => {
      const started = performance.now();
      const outputs = binding.executeOp(...call);
      spent[call[0]] = (spent[call[0]] ?? 0) + performance.now() - started;
      return outputs;
    },
  };
  Object.assign(backend, { binding: watched });
  nextBatch = (fraction) => {
    const started = performance.now();
    const batch = augmented(fraction);
    spent[AUGMENTATION] = (spent[AUGMENTATION] ?? 0) + performance.now() - started;
    return batch;
  };
  timed(steps);
  nextBatch = augmented;
  Object.assign(backend, { binding });
  return Object.fromEntries(
    Object.entries(spent)
      .map(([op, milliseconds]) => [op, milliseconds / steps] as const)
      .sort(([, a], [, b]) => b - a),
  );
}

/** Returns the peak memory, bytes, and the page faults of a step. */
function memory(steps: number): { bytes: number; faultsAStep: number } {
  const before = process.resourceUsage();
  timed(steps);
  const { maxRSS, minorPageFault, majorPageFault } = process.resourceUsage();
  const faults = minorPageFault + majorPageFault - before.minorPageFault - before.majorPageFault;
  return { bytes: 1024 * maxRSS, faultsAStep: faults / steps };
}

for await (const line of createInterface({ input: process.stdin })) {
  const [command, count] = line.split(' ');
  const steps = Number(count);
  const answer =
    command === 'PROFILE'
      ? profiled(steps)
      : command === 'MEMORY'
        ? memory(steps)
        : { seconds: timed(steps) };
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
