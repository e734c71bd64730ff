import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { dump } from 'npyjs';
import { replaceFile } from './atomicWrite.ts';
import { contentKind } from './contentKind.ts';
import { type FloatLayout, floatsOf } from './npyFloats.ts';
import { type PythonLiteral, type PythonSequence, parsePythonLiteral } from './pythonLiteral.ts';
import { mostQuoted, quoteUntrusted } from './quoteUntrusted.ts';
import { UserError } from './userError.ts';

/**
 * NumPy's .npy format for the kinds of array in Tracks and predictions. Format:
 * https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 *
 * A header is read as NumPy reads it, with every spelling of a dtype that NumPy accepts. Arrays of Tracks (`uint8`) are
 * in C order, because entries read them too. `float` is any array of float16, float32 or float64, in either byte order
 * and either axis order; all of them are converted exactly.
 *
 * Reading does not use npyjs: it ignores the byte order, defaults a missing `fortran_order` or `shape`, and never
 * compares the shape with the data. An untrusted file can be wrong in each of these ways.
 */
const codes = {
  uint8: ['u1', 'B', 'uint8', 'ubyte'],
  float16: ['f2', 'e', 'float16', 'half'],
  float32: ['f4', 'f', 'float32', 'single'],
  float64: ['f8', 'd', 'float64', 'double', 'float'],
} as const;
const bytesOf = { uint8: 1, float16: 2, float32: 4, float64: 8 } as const;
type StoredType = keyof typeof codes;

const dtypes = {
  uint8: { stored: ['uint8'], anyOrder: false },
  float32: { stored: ['float32'], anyOrder: true },
  float: { stored: ['float16', 'float32', 'float64'], anyOrder: true },
} as const satisfies Record<string, { stored: readonly StoredType[]; anyOrder: boolean }>;

export type NpyDtype = keyof typeof dtypes;
interface NpyData {
  uint8: Uint8Array<ArrayBuffer>;
  float32: Float32Array<ArrayBuffer>;
  float: Float32Array<ArrayBuffer> | Float64Array<ArrayBuffer>;
}
export interface NpyArray<D extends NpyDtype> {
  /** Flat, C order: the last axis varies fastest. */
  readonly data: NpyData[D];
  readonly shape: readonly number[];
}

interface Expected<D extends NpyDtype> {
  readonly dtype: D;
  /** `null` for an axis of any length. */
  readonly shape: readonly (number | null)[];
  /** Reject a symbolic link at `path` (for untrusted files). Default false. */
  readonly refuseLinks?: boolean;
}

const MAGIC = Buffer.from('\x93NUMPY', 'latin1');
/** NumPy also rejects headers of more than 10,000 characters. */
const MAX_HEADER_BYTES = 10_000;

/**
 * Reads the array at `path`. The whole header is checked, and the file's size against it, before any data is read, so
 * that a file of the wrong size is rejected without reading it.
 *
 * @throws UserError with the reason, if the file is missing or is not exactly the expected array
 */
export async function readNpy<D extends NpyDtype>(path: string, expected: Expected<D>): Promise<NpyArray<D>> {
  const file = await openForReading(path, expected.refuseLinks ?? false);
  try {
    const stat = await file.stat();
    if (!stat.isFile()) throw refuse(path, 'it is not a regular file', expected);
    const start = await readAt(file, 0, 12 + MAX_HEADER_BYTES);
    const { dataOffset, layout } = checkHeader(path, start, stat.size, expected);
    const bytes = await readAt(file, dataOffset, stat.size - dataOffset);
    if (bytes.length !== stat.size - dataOffset) {
      throw refuse(path, 'it became shorter while it was read', expected);
    }
    return { data: valuesOf(bytes, expected.dtype, layout), shape: layout.shape };
  } finally {
    await file.close();
  }
}

/**
 * Parses an array held in memory; the same checks as {@link readNpy}. `name` replaces the path in messages.
 *
 * @throws UserError
 */
export function parseNpy<D extends NpyDtype>(
  name: string,
  bytes: Uint8Array,
  expected: Expected<D>,
): NpyArray<D> {
  const { dataOffset, layout } = checkHeader(
    name,
    Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length),
    bytes.length,
    expected,
  );
  const data = new Uint8Array(bytes.subarray(dataOffset));
  return { data: valuesOf(data, expected.dtype, layout), shape: layout.shape };
}

/** Encodes a .npy file (format version 1.0), in C order. */
export function formatNpy<D extends 'uint8' | 'float32'>(
  dtype: D,
  data: NpyData[D],
  shape: readonly number[],
): Uint8Array {
  const expectedLength = product(shape);
  if (data.length !== expectedLength) {
    throw new RangeError(`${data.length} values do not match the shape ${format(shape)}`);
  }
  return new Uint8Array(dump(data, [...shape], { dtype: dtype === 'uint8' ? 'u1' : 'f4' }));
}

/** Writes an array to `path` atomically and flushes it to disk. */
export async function writeNpy<D extends 'uint8' | 'float32'>(
  path: string,
  dtype: D,
  data: NpyData[D],
  shape: readonly number[],
): Promise<void> {
  await replaceFile(path, formatNpy(dtype, data, shape));
}

async function openForReading(path: string, refuseLinks: boolean): Promise<FileHandle> {
  // O_NONBLOCK: opening a named pipe must not wait for a writer.
  const flags = constants.O_RDONLY | constants.O_NONBLOCK | (refuseLinks ? constants.O_NOFOLLOW : 0);
  try {
    return await open(path, flags);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') throw new UserError({ path, reason: 'no such file.' });
    if (code === 'ELOOP')
      throw new UserError({ path, reason: 'is a symbolic link; expected the file itself.' });
    if (code === 'EACCES' || code === 'EPERM')
      throw new UserError({ path, reason: `cannot be read (${code}).` });
    if (code === 'ENXIO') throw new UserError({ path, reason: 'is not a regular file.' });
    throw error;
  }
}

async function readAt(file: FileHandle, offset: number, length: number): Promise<Buffer<ArrayBuffer>> {
  const buffer = Buffer.from(new ArrayBuffer(length));
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(buffer, filled, length - filled, offset + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}

function checkHeader<D extends NpyDtype>(
  name: string,
  start: Buffer,
  fileSize: number,
  expected: Expected<D>,
): { dataOffset: number; layout: FloatLayout } {
  const fail = (reason: string) => refuse(name, reason, expected);
  if (start.length < 10) throw fail(`it ends after ${start.length} bytes, inside the header`);
  if (!start.subarray(0, 6).equals(MAGIC)) {
    const kind = contentKind(start);
    throw fail(
      kind === null
        ? `it does not begin with the .npy magic bytes (it begins with ${start.toString('hex', 0, 6)})`
        : `this is ${kind}`,
    );
  }
  const major = start[6]!;
  const minor = start[7]!;
  if (major < 1 || major > 3 || minor !== 0) {
    throw fail(`unknown format version ${major}.${minor}; expected 1.0, 2.0 or 3.0`);
  }
  const textOffset = major === 1 ? 10 : 12;
  if (start.length < textOffset) throw fail(`it ends after ${start.length} bytes, inside the header`);
  const textLength = major === 1 ? start.readUInt16LE(8) : start.readUInt32LE(8);
  if (textLength > MAX_HEADER_BYTES)
    throw fail(`its header length is ${textLength} bytes, maximum ${MAX_HEADER_BYTES}`);
  const dataOffset = textOffset + textLength;
  if (dataOffset > fileSize) throw fail(`it ends after ${fileSize} bytes, inside the header`);

  const header = parseHeader(start.toString('latin1', textOffset, dataOffset));
  if (header === null) {
    throw fail("its header is not a dict of exactly 'descr', 'fortran_order' and 'shape'");
  }
  const { stored, anyOrder } = dtypes[expected.dtype];
  const type = storedAs(header.descr, stored);
  if (type === null) throw fail(`its dtype is ${describeDtype(header.descr)}`);
  const matches =
    header.shape.length === expected.shape.length &&
    header.shape.every((length, axis) => (expected.shape[axis] ?? length) === length);
  if (!matches) throw fail(`its shape is ${shown(header.shape)}`);
  // For arrays with at most one axis both orders are the same, and NumPy sets the flag arbitrarily.
  const fortranOrder = header.fortranOrder && header.shape.length > 1;
  if (fortranOrder && !anyOrder) throw fail('it is in Fortran order; save np.ascontiguousarray(array)');
  const needed = product(header.shape) * type.bytesPerValue;
  const present = fileSize - dataOffset;
  if (present < needed) {
    throw fail(`it is truncated: ${present} bytes of data, expected ${needed} for ${format(header.shape)}`);
  }
  if (present > needed) throw fail(`${present - needed} bytes follow the data of ${format(header.shape)}`);
  return { dataOffset, layout: { shape: header.shape, ...type, fortranOrder } };
}

/** `descr` is null for a structured dtype. */
function parseHeader(text: string): { descr: string | null; fortranOrder: boolean; shape: number[] } | null {
  const dict = parsePythonLiteral(text);
  if (!(dict instanceof Map) || dict.size !== 3) return null;
  const [descr, fortranOrder, shape] = ['descr', 'fortran_order', 'shape'].map((key) => dict.get(key));
  const isStructured = isSequence(descr) && descr.kind === 'list';
  if (typeof descr !== 'string' && !isStructured) return null;
  if (typeof fortranOrder !== 'boolean' || !isSequence(shape) || shape.kind !== 'tuple') return null;
  const lengths = shape.items.filter((length) => typeof length === 'number' && length >= 0) as number[];
  if (lengths.length !== shape.items.length || !Number.isSafeInteger(product(lengths))) return null;
  return { descr: isStructured ? null : (descr as string), fortranOrder, shape: lengths };
}

/**
 * Reads a dtype as NumPy spells it: a byte order and a code (`<f4`), or a name (`float32`).
 * @returns null if it is none of the accepted types
 */
function storedAs(
  descr: string | null,
  accepted: readonly StoredType[],
): Pick<FloatLayout, 'bytesPerValue' | 'bigEndian'> | null {
  const [, order, code = ''] = /^([<>=|]?)(\w+)$/.exec(descr ?? '') ?? [];
  // NumPy accepts no byte order before a name.
  if (order !== '' && code.length > 2) return null;
  const type = accepted.find((each) => (codes[each] as readonly string[]).includes(code));
  return type === undefined ? null : { bytesPerValue: bytesOf[type], bigEndian: order === '>' };
}

function describeDtype(descr: string | null): string {
  if (descr === null) return 'structured (named fields)';
  // A NumPy type code such as '<i8' is safe to show; an untrusted file can contain anything here.
  const quoted = /^[<>|=]?[a-zA-Z]\d{0,3}$/.test(descr) ? `'${descr}'` : quoteUntrusted(descr);
  return /^.?O/.test(descr) ? `${quoted} (Python objects, which would need unpickling)` : quoted;
}

function refuse<D extends NpyDtype>(name: string, reason: string, expected: Expected<D>): UserError {
  const shape = format(expected.shape.map((length) => length ?? 'any'));
  const { stored, anyOrder } = dtypes[expected.dtype];
  const named = stored.join(', ').replace(/, (\w+)$/, ' or $1');
  return new UserError({
    path: name,
    reason: `is not the expected array: ${reason}`,
    remedy: `Expected a .npy file of ${named} ${shape}${anyOrder ? '' : ' in C order'}.`,
  });
}

function valuesOf<D extends NpyDtype>(
  bytes: Uint8Array<ArrayBuffer>,
  dtype: D,
  layout: FloatLayout,
): NpyData[D];
function valuesOf(
  bytes: Uint8Array<ArrayBuffer>,
  dtype: NpyDtype,
  layout: FloatLayout,
): NpyData[keyof NpyData] {
  return dtype === 'uint8' ? bytes : floatsOf(bytes, layout);
}

function isSequence(value: PythonLiteral | undefined): value is PythonSequence {
  return typeof value === 'object' && value !== null && 'items' in value;
}

function product(lengths: readonly number[]): number {
  return lengths.reduce((total, length) => total * length, 1);
}

/** Formats a shape from an untrusted file, cut to a few digits. */
function shown(shape: readonly number[]): string {
  const text = format(shape);
  return text.length <= mostQuoted ? text : `${text.slice(0, mostQuoted)}…`;
}

function format(shape: readonly (number | string)[]): string {
  return `[${shape.join(', ')}]`;
}
