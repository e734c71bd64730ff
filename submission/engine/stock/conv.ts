import {
  type Attribute,
  backend,
  bool,
  constant,
  free,
  INT32,
  int,
  type Raw,
  run,
  string,
  type,
} from '../ops.ts';

/** The three products of a 3x3 convolution (stride 1, zero padding, no bias) that training needs. */

const attributes = (dtype: number): Attribute[] => [
  type('T', dtype),
  int('strides', [1, 1, 1, 1]),
  string('padding', 'SAME'),
  string('data_format', 'NHWC'),
  bool('use_cudnn_on_gpu', true),
  int('dilations', [1, 1, 1, 1]),
];

/** Convolves. @returns [batch, height, width, out] of input [batch, height, width, in] and filter [3, 3, in, out] */
export function conv(input: Raw, filter: Raw): Raw {
  return run('Conv2D', [input, filter], attributes(input.dtype));
}

/**
 * Computes the gradient of the input. On a CPU this is the forward convolution with the filter rotated by 180 degrees
 * and transposed: TensorFlow's own Conv2DBackpropInput took 2.1 to 3.1 times as long on two AVX2 cores in float32 (`npm
 * run bench:stock-ops`).
 *
 * @returns [batch, height, width, in]
 */
export function convInputGradient(inputShape: readonly number[], filter: Raw, outputGradient: Raw): Raw {
  if (backend.isUsingGpuDevice) {
    const shape = constant(inputShape, 'int32');
    return run('Conv2DBackpropInput', [shape, filter, outputGradient], attributes(filter.dtype));
  }
  const transposed = run(
    'Transpose',
    [filter, constant([0, 1, 3, 2], 'int32')],
    [type('T', filter.dtype), type('Tperm', INT32)],
  );
  const turned = run(
    'ReverseV2',
    [transposed, constant([0, 1], 'int32')],
    [type('T', filter.dtype), type('Tidx', INT32)],
  );
  const gradient = conv(outputGradient, turned);
  free(transposed, turned);
  return gradient;
}

/** Computes the gradient of the filter. @returns [3, 3, in, out] */
export function convFilterGradient(input: Raw, filterShape: readonly number[], outputGradient: Raw): Raw {
  const shape = constant(filterShape, 'int32');
  return run('Conv2DBackpropFilter', [input, shape, outputGradient], attributes(input.dtype));
}
