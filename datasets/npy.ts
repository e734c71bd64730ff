import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { dump } from 'npyjs';
import { replaceFile } from './atomicWrite.ts';
import { mostQuoted, quoteUntrusted } from './quoteUntrusted.ts';
import { UserError } from './userError.ts';

/**
 * NumPy's .npy format for the two kinds of array in Tracks and predictions: uint8 and float32, C order. Format:
 * https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 *
 * Reading does not use npyjs: it ignores the byte order, defaults a missing `fortran_order` or `shape`, and never
 * compares the shape with the data. An untrusted file can be wrong in each of these ways.
 */
const dtypes = {
  uint8: { descr: ['|u1', '<u1', '>u1', '=u1'], bytes: 1 },
  float32: { descr: ['<f4'], bytes: 4 },
} as const;

export type NpyDtype = keyof typeof dtypes;
interface NpyData {
  uint8: Uint8Array<ArrayBuffer>;
  float32: Float32Array<ArrayBuffer>;
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
    const { dataOffset, shape } = checkHeader(path, start, stat.size, expected);
    const bytes = await readAt(file, dataOffset, stat.size - dataOffset);
    if (bytes.length !== stat.size - dataOffset) {
      throw refuse(path, 'it became shorter while it was read', expected);
    }
    return { data: view(bytes, expected.dtype), shape };
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
  const { dataOffset, shape } = checkHeader(
    name,
    Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length),
    bytes.length,
    expected,
  );
  return { data: view(new Uint8Array(bytes.subarray(dataOffset)), expected.dtype), shape };
}

/** Encodes a .npy file (format version 1.0). */
export function formatNpy<D extends NpyDtype>(
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
export async function writeNpy<D extends NpyDtype>(
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
): { dataOffset: number; shape: number[] } {
  const fail = (reason: string) => refuse(name, reason, expected);
  if (start.length < 10) throw fail(`it ends after ${start.length} bytes, inside the header`);
  if (!start.subarray(0, 6).equals(MAGIC)) {
    throw fail(`it does not begin with the .npy magic bytes (it begins with ${start.toString('hex', 0, 6)})`);
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
  const { bytes, descr } = dtypes[expected.dtype];
  if (!(descr as readonly string[]).includes(header.descr)) {
    throw fail(`its dtype is ${describeDtype(header.descr)}`);
  }
  const matches =
    header.shape.length === expected.shape.length &&
    header.shape.every((length, axis) => (expected.shape[axis] ?? length) === length);
  if (!matches) throw fail(`its shape is ${shown(header.shape)}`);
  // For arrays with at most one axis both orders are the same, and NumPy sets the flag arbitrarily.
  if (header.fortranOrder && header.shape.length > 1) {
    throw fail('it is in Fortran order; save np.ascontiguousarray(array)');
  }
  const needed = product(header.shape) * bytes;
  const present = fileSize - dataOffset;
  if (present < needed) {
    throw fail(`it is truncated: ${present} bytes of data, expected ${needed} for ${format(header.shape)}`);
  }
  if (present > needed) throw fail(`${present - needed} bytes follow the data of ${format(header.shape)}`);
  return { dataOffset, shape: header.shape };
}

function parseHeader(text: string): { descr: string; fortranOrder: boolean; shape: number[] } | null {
  const dict = /^\{(.*)\}[ \n]*$/s.exec(text)?.[1];
  if (dict === undefined) return null;
  // `descr` is a string, or a list of tuples for a structured dtype; kept for the error message.
  const item =
    /\s*'(descr|fortran_order|shape)'\s*:\s*('[^']*'|\[[^\]]*\]|True|False|\(\s*(?:\d+\s*,\s*)*(?:\d+\s*)?\))\s*(?:,|$)/gy;
  const found = new Map<string, string>();
  let end = 0;
  for (let match = item.exec(dict); match !== null; match = item.exec(dict)) {
    if (found.has(match[1]!)) return null;
    found.set(match[1]!, match[2]!);
    end = item.lastIndex;
    if (end === dict.length) break;
  }
  const descr = found.get('descr');
  const order = found.get('fortran_order');
  const shape = found.get('shape');
  if (dict.slice(end).trim() !== '' || !descr || !order || !shape) return null;
  if (!/^['[]/.test(descr) || !/^(True|False)$/.test(order) || !shape.startsWith('(')) return null;
  const lengths = (shape.match(/\d+/g) ?? []).map(Number);
  if (!Number.isSafeInteger(product(lengths))) return null;
  return { descr: descr.replace(/^'|'$/g, ''), fortranOrder: order === 'True', shape: lengths };
}

function describeDtype(descr: string): string {
  if (descr === '>f4') return "'>f4' (big-endian float32; expected little-endian '<f4')";
  // A NumPy type code such as '<f8' is safe to show; an untrusted file can contain anything here.
  const quoted = /^[<>|=]?[a-zA-Z]\d{0,3}$/.test(descr) ? `'${descr}'` : quoteUntrusted(descr);
  if (descr.startsWith('[')) return `structured (${quoted})`;
  return /^.?O/.test(descr) ? `${quoted} (Python objects, which would need unpickling)` : quoted;
}

function refuse<D extends NpyDtype>(name: string, reason: string, expected: Expected<D>): UserError {
  const shape = format(expected.shape.map((length) => length ?? 'any'));
  return new UserError({
    path: name,
    reason: `is not the expected array: ${reason}`,
    remedy: `Expected a .npy file of ${expected.dtype} ${shape} in C order.`,
  });
}

/** `bytes` must start at offset 0 of its ArrayBuffer, so that float32 values are aligned. */
function view<D extends NpyDtype>(bytes: Uint8Array<ArrayBuffer>, dtype: D): NpyData[D];
function view(bytes: Uint8Array<ArrayBuffer>, dtype: NpyDtype): NpyData[NpyDtype] {
  return dtype === 'uint8'
    ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    : new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
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
