import { rawOf, run, tensorOf, type } from './ops.ts';
import { type Tensor, tf } from './tensorflow.ts';

/** Adds two tensors of one shape and one true type. */
export function add(left: Tensor, right: Tensor): Tensor {
  const [a, b] = [rawOf(left), rawOf(right)];
  return tensorOf(run('AddV2', [a, b], [type('T', a.dtype)]));
}

/**
 * Replaces TensorFlow.js's Add with one that follows the true type of its operands. The gradient tape sums the
 * gradients of a tensor that is used twice with Add, looked up by name, and those of the stock engine may be bfloat16.
 */
function overrideAdd(): void {
  const stock = tf.getKernel('Add', 'tensorflow');
  tf.unregisterKernel('Add', 'tensorflow');
  tf.registerKernel({
    ...stock,
    kernelFunc: (call) => {
      const { a, b } = call.inputs as { a: Tensor; b: Tensor };
      return rawOf(a).dtype === rawOf(b).dtype ? add(a, b) : stock.kernelFunc(call);
    },
  });
}

overrideAdd();
