import type { KernelConfig, NamedTensorInfoMap } from '@tensorflow/tfjs';
import type { BlockForward, BlockShape } from './block.ts';
import { computesNatively } from './convolution.ts';
import * as native from './native/convBlock.ts';
import { type Raw, rawOf, run, tensorOf, type } from './ops.ts';
import * as stock from './stock/convBlock.ts';
import { globalMaxPool, globalMaxPoolGradient } from './stock/maxPool.ts';
import { type Tensor, tf } from './tensorflow.ts';

/** The engine's kernels under their names in TensorFlow.js's registry. */
const kernels: Record<string, (input: (name: string) => Raw, attributes: never) => Raw[]> = {
  ConvBlock(input, shape: BlockShape) {
    const [x, filter] = [input('x'), input('filter')];
    const { convBlock } = engineFor(x, filter, shape);
    const { output, mean, variance, saved } = convBlock(x, filter, input('offset'), shape);
    return [output, mean, variance, ...saved];
  },

  ConvBlockGradient(input, shape: BlockShape & { saved: number; wantsInputGradient: boolean }) {
    const [x, filter] = [input('x'), input('filter')];
    const forward: BlockForward = {
      output: input('output'),
      mean: input('mean'),
      variance: input('variance'),
      saved: Array.from({ length: shape.saved }, (_, index) => input(`saved${index}`)),
    };
    const { convBlockGradient } = engineFor(x, filter, shape);
    const gradients = convBlockGradient(
      input('outputGradient'),
      x,
      filter,
      forward,
      shape,
      shape.wantsInputGradient,
    );
    const parameters = [gradients.filter, gradients.offset];
    return gradients.input === null ? parameters : [...parameters, gradients.input];
  },

  ConvBlockWith(input, shape: BlockShape) {
    return [
      stock.convBlockWith(
        input('x'),
        input('filter'),
        input('offset'),
        input('mean'),
        input('variance'),
        shape,
      ),
    ];
  },

  GlobalMaxPool: (input) => [globalMaxPool(input('x'))],
  GlobalMaxPoolGradient: (input) => [
    globalMaxPoolGradient(input('x'), input('output'), input('outputGradient')),
  ],
};

/** Who computes a block; the same for its forward and its backward pass. */
function engineFor(x: Raw, filter: Raw, shape: BlockShape): typeof stock | typeof native {
  const isFloat = !shape.bfloat16 && x.dtype === filter.dtype;
  return isFloat && computesNatively(filter.dtype, filter.shape[3]) ? native : stock;
}

/**
 * Replaces the stock Add by one that follows the true type of its operands: the gradient tape adds up the gradients
 * of a tensor used twice with it, and ours may be bfloat16.
 */
function registerAdd(): void {
  const stock = tf.getKernel('Add', 'tensorflow');
  tf.unregisterKernel('Add', 'tensorflow');
  tf.registerKernel({
    ...stock,
    kernelFunc: (call) => {
      const { a, b } = call.inputs as { a: Tensor; b: Tensor };
      const [left, right] = [rawOf(a), rawOf(b)];
      if (left.dtype !== right.dtype) return stock.kernelFunc(call);
      return tensorOf(run('AddV2', [left, right], [type('T', left.dtype)]));
    },
  });
}

/** Makes the kernels known to TensorFlow.js. */
export function registerKernels(): void {
  for (const [kernelName, kernel] of Object.entries(kernels)) {
    tf.registerKernel({
      kernelName,
      backendName: 'tensorflow',
      kernelFunc: ({ inputs, attrs }: { inputs: NamedTensorInfoMap; attrs?: object }) =>
        kernel((name) => rawOf(inputs[name] as Tensor), attrs as never).map(tensorOf),
    } as KernelConfig);
  }
  registerAdd();
}
