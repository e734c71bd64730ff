/** An array or a scalar of NumPy, as a pickle describes it. Its data are not copied. */
export interface NdArray {
  /** NumPy's code without the byte order: `u1`, `i8`, `f4`. */
  readonly code: string;
  readonly bigEndian: boolean;
  readonly shape: readonly number[];
  readonly fortranOrder: boolean;
  readonly data: Uint8Array;
}

/** A pickle is not what it should be; the message follows "is not a readable batch of CIFAR-10 (". */
export class PickleFault extends Error {}

/** The dtype of an array. Its byte order comes in a second step, `__setstate__`. */
class Dtype {
  readonly code: string;
  bigEndian = false;

  constructor(code: unknown) {
    const [, order, name] = /^([<>=|]?)([a-zA-Z]\d{1,2})$/.exec(textOf(code)) ?? [];
    if (name === undefined) throw new PickleFault('a dtype that is no number');
    this.code = name;
    this.bigEndian = order === '>';
  }

  __setstate__(state: unknown): void {
    if (!Array.isArray(state)) throw new PickleFault('a dtype without its state');
    this.bigEndian = this.bigEndian || state[1] === '>';
  }
}

/** An array that gets its content in a second step, `__setstate__`. */
class PickledArray implements NdArray {
  code = '';
  bigEndian = false;
  shape: readonly number[] = [];
  fortranOrder = false;
  data = new Uint8Array(0);

  __setstate__(state: unknown): void {
    if (!Array.isArray(state) || state.length !== 5) throw new PickleFault('an array without its state');
    const [, shape, dtype, fortranOrder, data] = state;
    Object.assign(this, arrayOf(dtype, shape, fortranOrder === true || fortranOrder === 1, data));
  }
}

type Callable = (...args: unknown[]) => unknown;

/**
 * Returns the few functions and classes that pickles of NumPy arrays name, by module and name. None of them does
 * anything but describe the array. NumPy 2 renamed `numpy.core` to `numpy._core`.
 */
export function numpyNames(): ReadonlyMap<string, Callable> {
  const ndarray = () => {
    throw new PickleFault('an array that is not built by _reconstruct');
  };
  const names = new Map<string, Callable>([
    ['numpy.ndarray', ndarray],
    ['numpy.dtype', (code) => new Dtype(code)],
    ['_codecs.encode', (text) => bytesOf(text)],
    ['__builtin__.bytes', () => new Uint8Array(0)],
    ['builtins.bytes', () => new Uint8Array(0)],
  ]);
  for (const core of ['numpy.core', 'numpy._core']) {
    names.set(`${core}.multiarray._reconstruct`, () => new PickledArray());
    names.set(`${core}.multiarray.scalar`, (dtype, data) => arrayOf(dtype, [], false, data));
    names.set(`${core}.numeric._frombuffer`, (data, dtype, shape, order) =>
      arrayOf(dtype, shape, order === 'F', data),
    );
  }
  return names;
}

function arrayOf(dtype: unknown, shape: unknown, fortranOrder: boolean, data: unknown): NdArray {
  if (!(dtype instanceof Dtype)) throw new PickleFault('an array without a dtype');
  if (!Array.isArray(shape) || !shape.every((length) => Number.isSafeInteger(length) && length >= 0)) {
    throw new PickleFault('an array without a shape');
  }
  const { code, bigEndian } = dtype;
  const bytes = bytesOf(data);
  const needed = shape.reduce((total, length) => total * length, Number(code.slice(1)));
  if (bytes.length !== needed) {
    throw new PickleFault(
      `an array of shape [${shape.join(', ')}] and dtype ${code} with ${bytes.length} bytes`,
    );
  }
  return { code, bigEndian, shape, fortranOrder, data: bytes };
}

/** Returns bytes; Python 2 has them as text, of one character per byte. */
export function bytesOf(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  if (typeof value === 'string') return Buffer.from(value, 'latin1');
  throw new PickleFault('bytes were expected');
}

/** Returns text; Python 3 reads the text of Python 2 as bytes and writes it so. */
export function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value instanceof Uint8Array) return Buffer.from(value).toString('latin1');
  throw new PickleFault('text was expected');
}
