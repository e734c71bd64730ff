import { add } from './add.ts';
import type { BatchStatistics, BlockShape, Engine } from './engine.ts';
import { softmaxCrossEntropy } from './softmaxCrossEntropy.ts';
import { type Tensor, tf } from './tensorflow.ts';

/**
 * The operations of an engine: those of `Engine`, with separate forward and backward passes.
 *
 * `Saved` names the tensors that the forward pass of a block saves for its backward pass.
 */
export interface Passes<Saved extends TensorRecord>
  extends Omit<Engine, 'convBlock' | 'residual' | 'softmaxCrossEntropy'> {
  /** Shapes as in `Engine.convBlock`. */
  convBlock(x: Tensor, filter: Tensor, offset: Tensor, shape: BlockShape): BlockForward<Saved>;
  /**
   * Computes the gradients of a block.
   *
   * @param outputGradient like the block's output
   * @param wantsInputGradient whether the result includes the input gradient
   */
  convBlockGradient(
    outputGradient: Tensor,
    saved: Saved,
    shape: BlockShape,
    wantsInputGradient: boolean,
  ): BlockGradients;
  /**
   * Computes the gradient of `globalMaxPool`.
   *
   * @param output float32 [batch, channels], of `globalMaxPool(x)`
   * @param outputGradient float32 [batch, channels]
   * @returns the gradient of x, in the layout of x
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
  /** Like the input; null if not wanted. */
  readonly input: Tensor | null;
  /** float32 [3, 3, in, out] */
  readonly filter: Tensor;
  /** float32 [out] */
  readonly offset: Tensor;
}

/** Makes an engine from its passes: joins forward and backward for the gradient tape of TensorFlow.js. */
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
 * Wraps tf.customGrad with a typed record of the saved tensors.
 *
 * @param gradient receives the gradient of the output and what `forward` saved; returns one gradient per input
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
