import { add } from './add.ts';
import type { BatchStatistics, BlockShape, Engine } from './engine.ts';
import { softmaxCrossEntropy } from './softmaxCrossEntropy.ts';
import { type Tensor, tf } from './tensorflow.ts';

/**
 * What an engine implements: as `Engine` has it, but with the forward and backward passes apart.
 *
 * `Saved` names the tensors that the forward pass of a block leaves for its backward pass.
 */
export interface Passes<Saved extends TensorRecord>
  extends Omit<Engine, 'convBlock' | 'residual' | 'softmaxCrossEntropy'> {
  /** Shapes as in `Engine.convBlock`. */
  convBlock(x: Tensor, filter: Tensor, offset: Tensor, shape: BlockShape): BlockForward<Saved>;
  /**
   * @param outputGradient like the block's output
   * @param wantsInputGradient whether the result has the gradient to the input
   */
  convBlockGradient(
    outputGradient: Tensor,
    saved: Saved,
    shape: BlockShape,
    wantsInputGradient: boolean,
  ): BlockGradients;
  /**
   * @param output float32 [batch, channels], of `globalMaxPool(x)`
   * @param outputGradient float32 [batch, channels]
   * @returns the gradient to x, in the layout of x
   */
  globalMaxPoolGradient(x: Tensor, output: Tensor, outputGradient: Tensor): Tensor;
}

export type TensorRecord = Readonly<Record<string, Tensor>>;

export interface BlockForward<Saved> {
  /** [batch, height / 2?, width / 2?, out] */
  readonly output: Tensor;
  readonly statistics: BatchStatistics;
  readonly saved: Saved;
}

export interface BlockGradients {
  /** Like the input; null where it is not wanted. */
  readonly input: Tensor | null;
  /** float32 [3, 3, in, out] */
  readonly filter: Tensor;
  /** float32 [out] */
  readonly offset: Tensor;
}

/** Makes an engine of its passes: joins forward and backward for the gradient tape of TensorFlow.js. */
export function differentiable<Saved extends TensorRecord>(passes: Passes<Saved>): Engine {
  return {
    ...passes,

    convBlock: (x, filter, offset, { wantsInputGradient, ...shape }, onStatistics) =>
      withGradient(
        [x, filter, offset],
        () => {
          const { output, statistics, saved } = passes.convBlock(x, filter, offset, shape);
          const { mean, variance } = statistics;
          onStatistics?.({ mean: tf.keep(mean.clone()), variance: tf.keep(variance.clone()) });
          return { output, saved };
        },
        (outputGradient, saved) => {
          const gradients = passes.convBlockGradient(outputGradient, saved, shape, wantsInputGradient);
          return [gradients.input ?? tf.zeros([0]), gradients.filter, gradients.offset];
        },
      ),

    globalMaxPool: (x) =>
      withGradient(
        [x],
        () => {
          const output = passes.globalMaxPool(x);
          return { output, saved: { x, output } };
        },
        (outputGradient, saved) => [passes.globalMaxPoolGradient(saved.x, saved.output, outputGradient)],
      ),

    residual: (x, branch) =>
      withGradient(
        [x, branch],
        () => ({ output: add(x, branch), saved: {} }),
        (outputGradient) => [outputGradient.clone(), outputGradient.clone()],
      ),

    softmaxCrossEntropy: (logits, targets) => {
      const batch = logits.shape[0]!;
      return withGradient(
        [logits],
        () => {
          const { losses, gradient } = softmaxCrossEntropy(logits, targets);
          return { output: tf.div(tf.sum(losses), batch), saved: { gradient } };
        },
        (outputGradient, { gradient }) => [tf.mul(gradient, tf.div(outputGradient, batch))],
      );
    },
  };
}

/**
 * tf.customGrad with a typed record of what is saved.
 *
 * @param gradient is given the gradient to the output and what `forward` saved; returns one for each input
 */
function withGradient<Saved extends TensorRecord>(
  inputs: readonly Tensor[],
  forward: () => { readonly output: Tensor; readonly saved: Saved },
  gradient: (outputGradient: Tensor, saved: Saved) => readonly Tensor[],
): Tensor {
  const forwardAndGradient = (...all: unknown[]) => {
    const save = all.at(-1) as (tensors: Tensor[]) => void;
    const { output, saved } = forward();
    const names = Object.keys(saved);
    save(names.map((name) => saved[name]!));
    const restored = (tensors: readonly Tensor[]) =>
      Object.fromEntries(names.map((name, index) => [name, tensors[index]!])) as unknown as Saved;
    return {
      value: output,
      gradFunc: (outputGradient: Tensor, tensors: readonly Tensor[]) =>
        gradient(outputGradient, restored(tensors)),
    };
  };
  return tf.customGrad(forwardAndGradient as never)(...(inputs as Tensor[]));
}
