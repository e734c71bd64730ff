import {
  closeSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Normalisation } from './data.ts';
import type { Path } from './engine/engine.ts';
import { type Tensor, tf } from './engine/tensorflow.ts';
import type { Architecture, Statistics, Weights, Whitening } from './model/resnet9.ts';

/** Everything that prediction needs. */
export interface Model {
  readonly architecture: Architecture;
  readonly normalisation: Normalisation;
  readonly whitening: Whitening;
  readonly weights: Weights;
  readonly statistics: Statistics;
  /** Pixels by which test-time views are shifted, at most. */
  readonly testShift: number;
  /** The path used in training, also for prediction. */
  readonly path: Path;
}

const MANIFEST = 'model.json';
const WEIGHTS = /^weights-\d+\.bin$/;

/**
 * Writes a model in TensorFlow.js's weight-manifest format: `model.json` naming one `weights-<step>.bin`. Weights are
 * written first, named by step, and the manifest last, so that the folder always contains a complete model: the new one
 * or the previous one.
 *
 * @throws Error if a weight is not finite
 */
export async function saveModel(folder: string, model: Model, step: number): Promise<void> {
  const { data, specs } = await tf.io.encodeWeights(named(model) as never);
  if (!new Float32Array(data as ArrayBuffer).every(Number.isFinite)) {
    throw new Error(`The weights are not finite at step ${step}; the previous model is kept.`);
  }
  const weightsFile = `weights-${step}.bin`;
  const manifest = {
    format: 'haet-resnet9',
    architecture: { ...model.architecture, bfloat16: model.path.bfloat16 },
    normalisation: model.normalisation,
    testShift: model.testShift,
    engine: model.path.engine,
    step,
    weightsManifest: [{ paths: [weightsFile], weights: specs }],
  };
  writeDurably(join(folder, weightsFile), new Uint8Array(data as ArrayBuffer));
  writeDurably(join(folder, MANIFEST), Buffer.from(JSON.stringify(manifest)));
  for (const file of readdirSync(folder)) {
    if (WEIGHTS.test(file) && file !== weightsFile) rmSync(join(folder, file));
  }
}

/** Reads the model of a folder. @throws Error if the folder contains no complete model */
export function loadModel(folder: string): Model {
  let manifest: {
    architecture: Architecture & Pick<Path, 'bfloat16'>;
    normalisation: Normalisation;
    testShift: number;
    engine: Path['engine'];
    weightsManifest: [{ paths: [string]; weights: never }];
  };
  try {
    manifest = JSON.parse(readFileSync(join(folder, MANIFEST), 'utf8'));
  } catch (cause) {
    throw new Error(`${join(folder, MANIFEST)} cannot be read: no model found.`, {
      cause,
    });
  }
  const [{ paths, weights: specs }] = manifest.weightsManifest;
  const file = readFileSync(join(folder, paths[0]));
  const data = file.buffer.slice(file.byteOffset, file.byteOffset + file.length) as ArrayBuffer;
  const tensors = tf.io.decodeWeights(data, specs) as Record<string, Tensor>;
  const under = (prefix: string) =>
    Object.fromEntries(
      Object.entries(tensors).flatMap(([name, tensor]) =>
        name.startsWith(prefix) ? [[name.slice(prefix.length), tensor] as const] : [],
      ),
    );
  const variances = under('variance/');
  const statistics = Object.fromEntries(
    Object.entries(under('mean/')).map(([block, mean]) => [block, { mean, variance: variances[block]! }]),
  );
  const { normalisation, testShift, engine } = manifest;
  const { bfloat16, ...architecture } = manifest.architecture;
  return {
    architecture,
    normalisation,
    testShift,
    path: { engine, bfloat16 },
    whitening: tensors.whitening!,
    weights: under('weight/'),
    statistics,
  };
}

function named({ whitening, weights, statistics }: Model): Record<string, Tensor> {
  const tensors: Record<string, Tensor> = { whitening };
  for (const [name, weight] of Object.entries(weights)) tensors[`weight/${name}`] = weight;
  for (const [block, { mean, variance }] of Object.entries(statistics)) {
    tensors[`mean/${block}`] = mean;
    tensors[`variance/${block}`] = variance;
  }
  return tensors;
}

/** Writes a file atomically and durably. */
function writeDurably(path: string, bytes: Uint8Array): void {
  const file = openSync(`${path}.new`, 'w');
  try {
    for (let written = 0; written < bytes.length; ) written += writeSync(file, bytes, written);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(`${path}.new`, path);
}
