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
import { type Tensor, tf } from './engine/tensorflow.ts';
import type { Architecture, Statistics, Weights, Whitening } from './model/resnet9.ts';

/** All that predictions need. */
export interface Model {
  readonly architecture: Architecture;
  readonly normalisation: Normalisation;
  readonly whitening: Whitening;
  readonly weights: Weights;
  readonly statistics: Statistics;
}

const MANIFEST = 'model.json';
const WEIGHTS = /^weights-\d+\.bin$/;

/**
 * Writes a model in TensorFlow.js's weight-manifest format: `model.json` naming one `weights-<step>.bin`.
 * The weights go to the disk under a new name first and the manifest is renamed into place last, so that at every
 * instant the folder holds a complete model: the new one or the one before.
 */
export async function saveModel(folder: string, model: Model, step: number): Promise<void> {
  const { data, specs } = await tf.io.encodeWeights(named(model) as never);
  const weightsFile = `weights-${step}.bin`;
  const manifest = {
    format: 'haet-resnet9',
    architecture: model.architecture,
    normalisation: model.normalisation,
    step,
    weightsManifest: [{ paths: [weightsFile], weights: specs }],
  };
  writeDurably(join(folder, weightsFile), new Uint8Array(data as ArrayBuffer));
  writeDurably(join(folder, `${MANIFEST}.new`), Buffer.from(JSON.stringify(manifest)));
  renameSync(join(folder, `${MANIFEST}.new`), join(folder, MANIFEST));
  for (const file of readdirSync(folder)) {
    if (WEIGHTS.test(file) && file !== weightsFile) rmSync(join(folder, file));
  }
}

/** @throws Error when the folder holds no complete model */
export function loadModel(folder: string): Model {
  let manifest: {
    architecture: Architecture;
    normalisation: Normalisation;
    weightsManifest: [{ paths: [string]; weights: never }];
  };
  try {
    manifest = JSON.parse(readFileSync(join(folder, MANIFEST), 'utf8'));
  } catch (cause) {
    throw new Error(`${join(folder, MANIFEST)} cannot be read: the train stage left no model there.`, {
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
  const { architecture, normalisation } = manifest;
  return {
    architecture,
    normalisation,
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

function writeDurably(path: string, bytes: Uint8Array): void {
  const file = openSync(path, 'w');
  try {
    for (let written = 0; written < bytes.length; ) written += writeSync(file, bytes, written);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
