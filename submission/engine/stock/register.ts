import type { KernelConfig, NamedTensorInfoMap } from '@tensorflow/tfjs';
import { type Raw, rawOf, run, tensorOf, type } from '../ops.ts';
import { type Tensor, tf } from '../tensorflow.ts';
import { type BlockShape, convBlock, convBlockGradient, convBlockWith } from './convBlock.ts';
import { globalMaxPool, globalMaxPoolGradient } from './maxPool.ts';

/** The engine's kernels under their names in TensorFlow.js's registry. Another engine registers its own instead. */
const kernels: Record<string, (input: (name: string) => Raw, attributes: never) => Raw[]> = {
  ConvBlock(input, shape: BlockShape) {
    const { convolved, pooled, output, moments } = convBlock(
      input('x'),
      input('filter'),
      input('offset'),
      shape,
    );
    const saved = shape.pool ? [convolved, pooled] : [convolved];
    return [output, moments.mean, moments.variance, ...moments.reserved, ...saved];
  },

  ConvBlockGradient(input, shape: BlockShape & { wantsInputGradient: boolean }) {
    const convolved = input('convolved');
    const saved = {
      output: input('output'),
      convolved,
      pooled: shape.pool ? input('pooled') : convolved,
      moments: {
        mean: input('mean'),
        variance: input('variance'),
        reserved: [input('reserved0'), input('reserved1'), input('reserved2')] as const,
      },
    };
    const { wantsInputGradient } = shape;
    const gradients = convBlockGradient(
      input('outputGradient'),
      input('x'),
      input('filter'),
      saved,
      shape,
      wantsInputGradient,
    );
    const parameters = [gradients.filter, gradients.offset];
    return gradients.input === null ? parameters : [...parameters, gradients.input];
  },

  ConvBlockWith(input, shape: BlockShape) {
    return [
      convBlockWith(input('x'), input('filter'), input('offset'), input('mean'), input('variance'), shape),
    ];
  },

  GlobalMaxPool: (input) => [globalMaxPool(input('x'))],
  GlobalMaxPoolGradient: (input) => [
    globalMaxPoolGradient(input('x'), input('output'), input('outputGradient')),
  ],
};

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

export function registerStockKernels(): void {
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
