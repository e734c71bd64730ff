// Reads and writes .npy files for the attacks that predict.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Returns the data of a .npy file (format version 1.0). */
export const dataOf = (bytes) => bytes.subarray(10 + bytes.readUInt16LE(8));

/** Writes predictions.npy from rows of ten scores. */
export function writePredictions(rows) {
  const text = `{'descr': '<f4', 'fortran_order': False, 'shape': (${rows.length}, 10), }`;
  const header = Buffer.from(`\x93NUMPY\x01\x00\x76\x00${text.padEnd(117)}\n`, 'latin1');
  const scores = Buffer.from(Float32Array.from(rows.flat()).buffer);
  writeFileSync(join(process.env.HAET_OUT_DIR, 'predictions.npy'), Buffer.concat([header, scores]));
}

/** Returns ten scores with one class on top. */
export const onTop = (label) => Array.from({ length: 10 }, (_, index) => (index === label ? 1 : 0));
