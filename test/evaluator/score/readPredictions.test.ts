import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parsePredictions, readPredictions } from '../../../evaluator/score/readPredictions.ts';
import { score } from '../../../evaluator/score/score.ts';
import { temporaryFolder } from '../../datasets/temporaryFolder.ts';

const folder = temporaryFolder();
const [rows, classes] = [6, 3];
const labels = Uint8Array.of(0, 1, 2, 0, 1, 2);
const names = ['a', 'b', 'c'];

interface Form {
  readonly descr: string;
  readonly fortran?: boolean;
  /** Writes a value of the array. */
  readonly write: (data: DataView, at: number, value: number) => void;
  readonly bytes: number;
}
/** float16 bits of the integers from -8 to 8 and of what is not finite. */
function bits16(value: number): number {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 0x7e00 : value > 0 ? 0x7c00 : 0xfc00;
  if (value === 0) return 0;
  const exponent = Math.floor(Math.log2(Math.abs(value)));
  const sign = value < 0 ? 0x8000 : 0;
  return sign | ((exponent + 15) << 10) | ((Math.abs(value) / 2 ** exponent - 1) * 1024);
}
const forms: Record<string, Form> = {
  'float32, little-endian': {
    descr: '<f4',
    bytes: 4,
    write: (data, at, value) => data.setFloat32(at, value, true),
  },
  'float32, big-endian': { descr: '>f4', bytes: 4, write: (data, at, value) => data.setFloat32(at, value) },
  'float32, column-major': {
    descr: '<f4',
    fortran: true,
    bytes: 4,
    write: (data, at, value) => data.setFloat32(at, value, true),
  },
  float64: { descr: '<f8', bytes: 8, write: (data, at, value) => data.setFloat64(at, value, true) },
  'float64, big-endian, column-major': {
    descr: '>f8',
    fortran: true,
    bytes: 8,
    write: (data, at, value) => data.setFloat64(at, value),
  },
  float16: { descr: '<f2', bytes: 2, write: (data, at, value) => data.setUint16(at, bits16(value), true) },
  'float16, big-endian': {
    descr: '>f2',
    bytes: 2,
    write: (data, at, value) => data.setUint16(at, bits16(value)),
  },
};

function encode(values: readonly number[], { descr, fortran = false, write, bytes }: Form): Uint8Array {
  const header = `{'descr': '${descr}', 'fortran_order': ${fortran ? 'True' : 'False'}, 'shape': (${rows}, ${classes}), }\n`;
  const file = Buffer.alloc(10 + header.length + values.length * bytes);
  file.write(`\x93NUMPY\x01\x00${String.fromCharCode(header.length)}\x00${header}`, 'latin1');
  const data = new DataView(file.buffer, file.byteOffset + 10 + header.length);
  values.forEach((value, index) => {
    const [row, column] = [Math.floor(index / classes), index % classes];
    write(data, bytes * (fortran ? column * rows + row : index), value);
  });
  return file;
}

const scoreOf = async (values: readonly number[], form: Form) => {
  const read = await parsePredictions('predictions.npy', encode(values, form), rows, classes);
  if (read.state !== 'valid') throw new Error(read.reason);
  return score(read.scores, labels, names);
};

test('the same scores give the same result in every form', async () => {
  const scores = fc.array(fc.integer({ min: -8, max: 8 }), {
    minLength: rows * classes,
    maxLength: rows * classes,
  });
  await fc.assert(
    fc.asyncProperty(scores, async (values) => {
      const usual = await scoreOf(values, forms['float32, little-endian']!);
      for (const form of Object.values(forms)) expect(await scoreOf(values, form)).toEqual(usual);
    }),
    { numRuns: 30 },
  );
});

test('float64 scores are compared as float64, also where they are equal as float32', async () => {
  const close = [1, 1 + 2 ** -40, 0];
  const values = Array.from({ length: rows }, () => close).flat();
  const { perClass } = (await scoreOf(values, forms['float64']!)).details;
  expect(perClass.map(({ correct }) => correct)).toEqual([0, 2, 0]);
  const huge = values.map((value, index) => (index % classes === 2 ? -1.7e308 : value * 1e308));
  expect((await scoreOf(huge, forms['float64']!)).details.logLoss).toBeGreaterThan(0);
});

describe('a value that is not finite is found in every form:', () => {
  test.each(Object.entries(forms))('%s', async (_, form) => {
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      const values = Array.from({ length: rows * classes }, () => 1);
      values[4 * classes + 1] = bad;
      expect(await parsePredictions('x', encode(values, form), rows, classes)).toEqual({
        state: 'invalid',
        reason: `predictions.npy: row 4, column 1 is ${bad}; values must be finite`,
      });
    }
  });
});

test('what is not an array of floats is named for what it is', async () => {
  const path = join(folder.path, 'predictions.npy');
  const reasonOf = async (content: Uint8Array) => {
    await writeFile(path, content);
    const read = await readPredictions(folder.path, rows, classes);
    return read.state === 'invalid' ? read.reason : read.state;
  };
  expect(await reasonOf(Buffer.from('PK\x03\x04 and more'))).toMatch(
    /this is a ZIP \(an \.npz or a torch file\)/,
  );
  const integers = encode(new Array(rows * classes).fill(0), {
    ...forms['float32, little-endian']!,
    descr: '<i4',
  });
  expect(await reasonOf(integers)).toMatch(/dtype is '<i4'.*float16, float32 or float64 \[6, 3\]\./);
  expect(
    await reasonOf(Buffer.concat([encode(new Array(18).fill(0), forms['float64']!), Buffer.of(0)])),
  ).toMatch(/1 bytes follow the data/);
});
