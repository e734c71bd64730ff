import type { KernelConfig, NamedTensorInfoMap } from '@tensorflow/tfjs';
import type { BlockForward, BlockShape } from './block.ts';
import { isNative } from './engine.ts';
import { globalMaxPool, globalMaxPoolGradient } from './globalMaxPool.ts';
import * as native from './native/block.ts';
import { type Raw, rawOf, run, tensorOf, type } from './ops.ts';
import * as stock from './stock/block.ts';
import { type Tensor, tf } from './tensorflow.ts';

/** Who computes a block: our own ops compute in float32 only. */
const engineOf = ({ bfloat16 }: BlockShape): typeof stock => (isNative() && !bfloat16 ? native : stock);

/** The engine's kernels under their names in TensorFlow.js's registry. */
const kernels: Record<string, (input: (name: string) => Raw, attributes: never) => Raw[]> = {
  ConvBlock(input, shape: BlockShape) {
    const { output, mean, variance, saved } = engineOf(shape).convBlock(
      input('x'),
      input('filter'),
      input('offset'),
      shape,
    );
    return [output, mean, variance, ...saved];
  },

  ConvBlockGradient(input, shape: BlockShape & { saved: number; wantsInputGradient: boolean }) {
    const forward: BlockForward = {
      output: input('output'),
      mean: input('mean'),
      variance: input('variance'),
      saved: Array.from({ length: shape.saved }, (_, index) => input(`saved${index}`)),
    };
    const gradients = engineOf(shape).convBlockGradient(
      input('outputGradient'),
      input('x'),
      input('filter'),
      forward,
      shape,
      shape.wantsInputGradient,
    );
    const parameters = [gradients.filter, gradients.offset];
    return gradients.input === null ? parameters : [...parameters, gradients.input];
  },

  ConvBlockWith(input, shape: BlockShape) {
    return [
      engineOf(shape).convBlockWith(
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
