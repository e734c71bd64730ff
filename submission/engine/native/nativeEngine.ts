// The native engine: our own TensorFlow ops (ops/), one per block forward and one backward. All tensors are float32; a
// variant may multiply in bfloat16 inside of a convolution (runtime/operand.h). Activations
// are in panels of as many channels as a vector has lanes, [batch, channels / lanes, height, width, lanes]; only the
// input of the first block is images, [batch, height, width, channels]. In a pooling window, the first of equal maxima
// gets the gradient.
import { differentiable, type Passes } from '../differentiable.ts';
import {
  type BlockShape,
  type Engine,
  EPSILON,
  type Update,
  type Updated,
  type UpdateOptions,
} from '../engine.ts';
import { globalMaxPool, globalMaxPoolGradient, type Layout } from '../globalMaxPool.ts';
import { bool, float, free, int, rawOf, run, runMany, tensorOf } from '../ops.ts';
import { type Tensor, tf } from '../tensorflow.ts';
import type { NativeOps } from './addon.ts';
import { nativePath } from './variants.ts';

/** Tensors that a block saves for its backward pass. */
export type NativeSaved = {
  readonly x: Tensor;
  readonly filter: Tensor;
  readonly output: Tensor;
  /** float32, the input of the batch norm, in the layout of the output; of images without pooling sums instead (block.h) */
  readonly values: Tensor;
  /** uint8, the index of each of `values` in its pooling window, 0 to 3 row by row; empty without pooling */
  readonly choice: Tensor;
  /** float32 [out], of `values` */
  readonly mean: Tensor;
  /** float32 [out], 1 / sqrt(variance + epsilon) of `values` */
  readonly inverse: Tensor;
};

type BlockOutputs = [Tensor, Tensor, Tensor, Tensor, Tensor, Tensor];

const attributes = ({ pool, alpha }: BlockShape) => [
  bool('pool', pool),
  float('alpha', alpha),
  float('epsilon', EPSILON),
];

const mirrorAttributes = ({ length }: readonly Tensor[], swapsInputs: boolean) => [
  int('N', length),
  bool('swaps_inputs', swapsInputs),
];

/** @param x [batch, channels / lanes, height, width, lanes] */
function layoutOf({ shape }: Tensor): Layout {
  const [batch, panels, height, width, lanes] = shape as [number, number, number, number, number];
  return { batch, panels, pixels: height * width, lanes };
}

export function nativePasses({ variant }: NativeOps): Passes<NativeSaved> {
  const named = (op: string) => `${op}_${variant}`;
  return {
    path: nativePath(variant),

    convBlock(x, filter, offset, shape) {
      const results = runMany(named('HaetBlock'), [x, filter, offset].map(rawOf), attributes(shape), 6).map(
        tensorOf,
      );
      const [output, mean, variance, inverse, values, choice] = results as BlockOutputs;
      const saved = { x, filter, output, values, choice, mean, inverse };
      return { output, statistics: { mean, variance }, saved };
    },

    convBlockGradient(outputGradient, saved, shape, wantsInputGradient) {
      const { x, filter, output, values, choice, mean, inverse } = saved;
      const [input, filterGradient, offset] = runMany(
        named('HaetBlockGradient'),
        [outputGradient, x, filter, output, values, choice, mean, inverse].map(rawOf),
        [...attributes(shape), bool('wants_input', wantsInputGradient)],
        3,
      );
      if (!wantsInputGradient) free(input!); // empty
      return {
        input: wantsInputGradient ? tensorOf(input!) : null,
        filter: tensorOf(filterGradient!),
        offset: tensorOf(offset!),
      };
    },

    convBlockWith: (x, filter, offset, { mean, variance }, shape) =>
      tensorOf(
        run(named('HaetBlockWith'), [x, filter, offset, mean, variance].map(rawOf), attributes(shape)),
      ),

    globalMaxPool: (x) => globalMaxPool(x, layoutOf(x)),
    globalMaxPoolGradient: (x, output, outputGradient) =>
      globalMaxPoolGradient(x, output, outputGradient, layoutOf(x)),

    sgdStep: (updates, options) => updated(named('HaetSgd'), updates, options, []),
    muonStep: (updates, options) =>
      updated(named('HaetMuon'), updates, options, [int('iterations', options.iterations)]),

    mirror: (stored, swapsInputs) =>
      runMany(
        named('HaetMirror'),
        stored.map(rawOf),
        mirrorAttributes(stored, swapsInputs),
        stored.length,
      ).map(tensorOf),
    mirrorGradient: (gradients, swapsInputs) =>
      runMany(
        named('HaetMirrorGradient'),
        gradients.map(rawOf),
        mirrorAttributes(gradients, swapsInputs),
        gradients.length,
      ).map(tensorOf),

    average: (averages, latest, decay) =>
      tf.tidy(() => {
        const inputs = [...averages, ...latest, tf.scalar(decay)].map(rawOf);
        return runMany(named('HaetAverage'), inputs, [int('N', averages.length)], averages.length).map(
          tensorOf,
        );
      }),
  };
}

/** Runs an op that updates weights. */
function updated(
  op: string,
  updates: readonly Update[],
  { momentum, gradientCentralization }: UpdateOptions,
  attributes: readonly ReturnType<typeof int>[],
): Updated {
  const tensors = (['weight', 'velocity', 'gradient'] as const).flatMap((name) =>
    updates.map((update) => update[name]),
  );
  const results = tf.tidy(() => {
    const each = tf.tensor2d(updates.map(({ rate, decay }) => [rate, momentum, decay]));
    const all = [int('N', updates.length), bool('centralized', gradientCentralization), ...attributes];
    return runMany(op, [...tensors, each].map(rawOf), all, 2 * updates.length).map(tensorOf);
  });
  return { weights: results.slice(0, updates.length), velocities: results.slice(updates.length) };
}

/**
 * Creates the engine of the native ops.
 *
 * @param ops null if this machine has none
 * @param threads of the computation; a process has one thread pool per variant, and the last number given applies
 * @throws Error if there are no ops
 */
export function createNativeEngine(ops: NativeOps | null, threads: number): Engine {
  if (ops === null) throw new Error('This machine has no such native ops: use engine=auto.');
  ops.setThreads(threads);
  return differentiable(nativePasses(ops));
}
