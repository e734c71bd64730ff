import { type Tensor, tf } from './tensorflow.ts';

/**
 * TensorFlow ops by name, below the tensors of TensorFlow.js.
 *
 * tfjs-node's own kernels compose several ops where TensorFlow has one (batch norm, its gradient), create JavaScript
 * arrays, and do not support bfloat16. Here ops take and return `Raw` handles of any type. The receiver owns a handle
 * and must free it or pass it to `tensorOf`.
 */
export interface Raw {
  readonly id: number;
  readonly shape: readonly number[];
  /** TensorFlow's type number. */
  readonly dtype: number;
}

/** TensorFlow's type numbers (tensorflow/core/framework/types.proto). */
export const FLOAT32 = 1;
export const INT32 = 3;
export const BFLOAT16 = 14;

export type Attribute = { readonly name: string; readonly type: number; readonly value: unknown };

interface Backend {
  readonly isUsingGpuDevice: boolean;
  readonly binding: {
    readonly TF_ATTR_TYPE: number;
    readonly TF_ATTR_INT: number;
    readonly TF_ATTR_FLOAT: number;
    readonly TF_ATTR_BOOL: number;
    readonly TF_ATTR_STRING: number;
    executeOp(
      name: string,
      attributes: readonly Attribute[],
      inputs: readonly number[],
      outputs: number,
    ): Raw[];
    deleteTensor(id: number): void;
  };
  readonly tensorMap: {
    get(dataId: object): { id: number; dtype: number };
    set(dataId: object, info: object): void;
  };
  getInputTensorIds(tensors: readonly Tensor[]): number[];
  getNumOfTFTensors(): number;
}

export const backend = tf.backend() as unknown as Backend;

export const type = (name: string, value: number): Attribute => ({
  name,
  type: backend.binding.TF_ATTR_TYPE,
  value,
});
export const int = (name: string, value: number | readonly number[]): Attribute => ({
  name,
  type: backend.binding.TF_ATTR_INT,
  value,
});
export const float = (name: string, value: number): Attribute => ({
  name,
  type: backend.binding.TF_ATTR_FLOAT,
  value,
});
export const bool = (name: string, value: boolean): Attribute => ({
  name,
  type: backend.binding.TF_ATTR_BOOL,
  value,
});
export const string = (name: string, value: string): Attribute => ({
  name,
  type: backend.binding.TF_ATTR_STRING,
  value,
});

/** Runs one op and returns its first output. */
export function run(name: string, inputs: readonly Raw[], attributes: readonly Attribute[]): Raw {
  return runMany(name, inputs, attributes, 1)[0]!;
}

/** Runs one op and returns its `outputs` outputs. */
export function runMany(
  name: string,
  inputs: readonly Raw[],
  attributes: readonly Attribute[],
  outputs: number,
): Raw[] {
  return backend.binding.executeOp(
    name,
    attributes,
    inputs.map((input) => input.id),
    outputs,
  );
}

export function free(...handles: readonly Raw[]): void {
  for (const handle of handles) backend.binding.deleteTensor(handle.id);
}

/** Returns the handle of a tensor. The tensor owns it; do not free it. */
export function rawOf(tensor: Tensor): Raw {
  const [id] = backend.getInputTensorIds([tensor]);
  return { id: id!, shape: tensor.shape, dtype: backend.tensorMap.get(tensor.dataId).dtype };
}

/**
 * Passes a handle to TensorFlow.js, which frees it with the tensor. Handles of types unknown to TensorFlow.js
 * (bfloat16, uint8) are labelled float32, the only type the gradient tape accepts; only the engine that made such a
 * tensor may use it.
 */
export function tensorOf(handle: Raw): Tensor {
  const dataId = {};
  backend.tensorMap.set(dataId, { ...handle, values: null, refCount: 1 });
  const dtype = handle.dtype === INT32 ? 'int32' : 'float32';
  return tf.engine().makeTensorFromTensorInfo({ dataId, shape: [...handle.shape], dtype });
}

const constants = new Map<string, Raw>();

/** Returns a small constant, which is created once and kept for the life of the process. */
export function constant(
  values: number | readonly number[] | readonly (readonly number[])[],
  dtype: 'int32' | 'float32',
): Raw {
  const key = `${dtype} ${JSON.stringify(values)}`;
  let handle = constants.get(key);
  if (handle === undefined) {
    const tensor = tf.keep(tf.tensor(values as number[], undefined, dtype));
    handle = rawOf(tensor);
    constants.set(key, handle);
  }
  return handle;
}

/** Returns a copy of `handle` as `dtype`; the caller frees it. */
export function cast(handle: Raw, dtype: number): Raw {
  return run('Cast', [handle], [type('SrcT', handle.dtype), type('DstT', dtype), bool('Truncate', false)]);
}

/** Returns the same values with another shape; the memory is shared, but the new handle must also be freed. */
export function reshape(handle: Raw, shape: readonly number[]): Raw {
  return run('Reshape', [handle, constant(shape, 'int32')], [type('T', handle.dtype), type('Tshape', INT32)]);
}
