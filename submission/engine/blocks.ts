import type { BlockShape } from './block.ts';
import { FLOAT32, rawOf, runMany, tensorOf, type } from './ops.ts';
import { registerKernels } from './register.ts';
import { type Tensor, tf } from './tensorflow.ts';

/**
 * The blocks that a model is written in. Each runs a kernel by name, so that a model does not know which engine
 * computes it, and carries its gradient for the tape of TensorFlow.js. How activations lie between blocks is the
 * engine's, our own ops have them in panels of channels: no other op but `convBlock`, `residual` and `globalMaxPool`
 * may touch them. Shapes below are those that they stand for.
 */
registerKernels();

type Inputs = Record<string, Tensor>;
const runKernel = (name: string, inputs: Inputs, attributes: object): Tensor[] =>
  tf.engine().runKernel(name, inputs, attributes as never) as unknown as Tensor[];
const runKernelOnce = (name: string, inputs: Inputs): Tensor => runKernel(name, inputs, {})[0]!;

type Gradients = { value: Tensor; gradFunc: (outputGradient: Tensor, saved: Tensor[]) => Tensor[] };
type Save = (tensors: Tensor[]) => void;
/** tf.customGrad, typed for how it is used here: the function's last argument saves tensors for the gradient. */
const withGradient = (inputs: Tensor[], forward: (save: Save) => Gradients): Tensor =>
  tf.customGrad(((...all: unknown[]) => forward(all.at(-1) as Save)) as never)(...inputs);

export interface ConvBlockOptions extends BlockShape {
  /** False where the input is data: saves a convolution. */
  readonly wantsInputGradient: boolean;
}

/** Statistics of one batch norm over one batch, float32 [channels] each. Whoever gets them disposes of them. */
export interface BatchStatistics {
  readonly mean: Tensor;
  readonly variance: Tensor;
}

/**
 * conv3x3 -> maxpool 2x2? -> batchnorm by the batch -> celu / alpha.
 *
 * @param x [batch, height, width, in]: pictures in that order, or what a block gave
 * @param filter float32 [3, 3, in, out]; our own ops take `out`, and `in` but for pictures, in multiples of 8
 * @param offset float32 [out], added after normalisation
 * @param onStatistics is given the statistics of the batch
 * @returns [batch, height / 2?, width / 2?, out]
 * @throws Error where the shapes do not belong together, or an edge that is to be pooled is odd
 */
export function convBlock(
  x: Tensor,
  filter: Tensor,
  offset: Tensor,
  options: ConvBlockOptions,
  onStatistics: ((statistics: BatchStatistics) => void) | null,
): Tensor {
  return withGradient([x, filter, offset], (save) => {
    const outputs = runKernel('ConvBlock', { x, filter, offset }, options);
    const [output, mean, variance] = outputs as [Tensor, Tensor, Tensor];
    onStatistics?.({ mean: tf.keep(mean.clone()), variance: tf.keep(variance.clone()) });
    save([x, filter, ...outputs]);
    return {
      value: output,
      gradFunc: (outputGradient, saved) => {
        const names = ['x', 'filter', 'output', 'mean', 'variance'];
        const further = saved.length - names.length;
        for (let index = 0; index < further; index += 1) names.push(`saved${index}`);
        const inputs = Object.fromEntries(names.map((name, index) => [name, saved[index]!]));
        const [filterGradient, offsetGradient, inputGradient] = runKernel(
          'ConvBlockGradient',
          { outputGradient, ...inputs },
          { ...options, saved: further },
        );
        return [inputGradient ?? tf.zeros([0]), filterGradient!, offsetGradient!];
      },
    };
  });
}

/** The same by given statistics, without a gradient: for predictions. */
export function convBlockWith(
  x: Tensor,
  filter: Tensor,
  offset: Tensor,
  statistics: BatchStatistics,
  options: ConvBlockOptions,
): Tensor {
  return runKernel('ConvBlockWith', { x, filter, offset, ...statistics }, options)[0]!;
}

/** Maximum over height and width. @returns float32 [batch, channels] of [batch, height, width, channels] */
export function globalMaxPool(x: Tensor): Tensor {
  return withGradient([x], (save) => {
    const output = runKernelOnce('GlobalMaxPool', { x });
    save([x, output]);
    return {
      value: output,
      gradFunc: (outputGradient, [x, output]) => [
        runKernelOnce('GlobalMaxPoolGradient', { x: x!, output: output!, outputGradient }),
      ],
    };
  });
}

/** x + branch, of one shape and type. */
export function residual(x: Tensor, branch: Tensor): Tensor {
  return withGradient([x, branch], () => ({
    value: tf.engine().runKernel('Add', { a: x, b: branch }) as Tensor,
    gradFunc: (outputGradient) => [outputGradient.clone(), outputGradient.clone()],
  }));
}

/**
 * Mean cross-entropy of softmax(logits) against soft targets, in nats.
 *
 * @param logits float32 [batch, classes]
 * @param targets float32 [batch, classes], rows summing to 1
 * @returns float32 []
 */
export function softmaxCrossEntropy(logits: Tensor, targets: Tensor): Tensor {
  return withGradient([logits], (save) => {
    const inputs = [rawOf(logits), rawOf(targets)];
    const [losses, gradient] = runMany('SoftmaxCrossEntropyWithLogits', inputs, [type('T', FLOAT32)], 2).map(
      tensorOf,
    );
    save([gradient!]);
    const batch = logits.shape[0]!;
    return {
      value: tf.div(tf.sum(losses!), batch),
      gradFunc: (outputGradient, [gradient]) => [tf.mul(gradient!, tf.div(outputGradient, batch))],
    };
  });
}
