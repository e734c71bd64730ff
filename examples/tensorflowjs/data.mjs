// Reads and writes NumPy's .npy files.
import { readFileSync, renameSync, writeFileSync } from 'node:fs';

export const imageBytes = 32 * 32 * 3;

/** Reads a uint8 array: its values, flat. */
export function readNpy(path) {
  const file = readFileSync(path);
  return new Uint8Array(file.subarray(10 + file.readUInt16LE(8)));
}

/** Writes float32 [rows, columns]; the file appears complete or not at all. */
export function writeNpy(path, values, columns) {
  const shape = `(${values.length / columns}, ${columns})`;
  const header = `{'descr': '<f4', 'fortran_order': False, 'shape': ${shape}, }`.padEnd(117);
  const magic = Buffer.from('\x93NUMPY\x01\x00\x76\x00', 'latin1'); // version 1.0, 118 bytes of header
  writeFileSync(
    `${path}.part`,
    Buffer.concat([
      magic,
      Buffer.from(`${header}\n`),
      Buffer.from(values.buffer, values.byteOffset, values.byteLength),
    ]),
  );
  renameSync(`${path}.part`, path);
}

/** Scales pixels to -1 to 1: float32, as many. */
export function scaled(pixels) {
  return Float32Array.from(pixels, (value) => value / 127.5 - 1);
}
