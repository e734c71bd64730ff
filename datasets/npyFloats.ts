/** How the values of an array lie in its file. */
export interface FloatLayout {
  readonly shape: readonly number[];
  readonly bytesPerValue: number;
  readonly bigEndian: boolean;
  /** Whether the first axis varies fastest. */
  readonly fortranOrder: boolean;
}
type Floats = Float32Array<ArrayBuffer> | Float64Array<ArrayBuffer>;

/**
 * Converts the data of a .npy file of floats to C order. float16 becomes float32 and float64 stays float64, so every
 * value is exact; NaN and infinity stay what they are.
 * @param bytes exactly the data of `layout`, at offset 0 of its ArrayBuffer; changed
 */
export function floatsOf(bytes: Uint8Array<ArrayBuffer>, layout: FloatLayout): Floats {
  const { bytesPerValue, bigEndian, fortranOrder, shape } = layout;
  if (bigEndian) swapBytes(Buffer.from(bytes.buffer, 0, bytes.byteLength), bytesPerValue);
  const count = bytes.byteLength / bytesPerValue;
  const values =
    bytesPerValue === 8
      ? new Float64Array(bytes.buffer, 0, count)
      : bytesPerValue === 4
        ? new Float32Array(bytes.buffer, 0, count)
        : Float32Array.from(new Uint16Array(bytes.buffer, 0, count), float16);
  return fortranOrder ? lastAxisFastest(values, shape) : values;
}

/** Returns the value of a float16 with these bits (IEEE 754 binary16). */
export function float16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (0x400 + fraction) * 2 ** (exponent - 25);
}

function swapBytes(data: Buffer, bytesPerValue: number): void {
  if (bytesPerValue === 2) data.swap16();
  else if (bytesPerValue === 4) data.swap32();
  else data.swap64();
}

/** Copies an array whose first axis varies fastest so that its last axis does. */
function lastAxisFastest(values: Floats, shape: readonly number[]): Floats {
  const copy = values.slice();
  const strides = shape.map((_, axis) => shape.slice(0, axis).reduce((total, length) => total * length, 1));
  const index = shape.map(() => 0);
  let source = 0;
  for (let target = 0; target < copy.length; target++) {
    copy[target] = values[source]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      source += strides[axis]!;
      index[axis]! += 1;
      if (index[axis]! < shape[axis]!) break;
      source -= strides[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
  return copy;
}
