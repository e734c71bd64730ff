import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { load } from 'npyjs';
import { formatNpy, parseNpy, readNpy, writeNpy } from '../../datasets/npy.ts';
import { UserError } from '../../datasets/userError.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'haet-npy-'));
});
afterEach(() => rm(folder, { recursive: true }));

/** Returns a .npy file with any header text. */
function withHeader(dict: string, dataBytes: number, version = [1, 0]): Uint8Array {
  const prefix = Buffer.alloc(version[0] === 1 ? 10 : 12);
  prefix.write('\x93NUMPY', 'latin1');
  prefix[6] = version[0]!;
  prefix[7] = version[1]!;
  const text = Buffer.from(`${dict}\n`, 'latin1');
  if (version[0] === 1) prefix.writeUInt16LE(text.length, 8);
  else prefix.writeUInt32LE(text.length, 8);
  return Buffer.concat([prefix, text, Buffer.alloc(dataBytes)]);
}
const header = (descr: string, order: string, shape: string) =>
  `{'descr': ${descr}, 'fortran_order': ${order}, 'shape': ${shape}, }`;
const twoByThree = { dtype: 'float32', shape: [2, 3] } as const;
const parse = (bytes: Uint8Array) => parseNpy('p.npy', bytes, twoByThree);

test('any float32 array is read back bit for bit', () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat({ max: 5 }), { maxLength: 4 }).chain((shape) => {
        const length = shape.reduce((a, b) => a * b, 1);
        return fc.tuple(
          fc.constant(shape),
          fc.array(fc.float(), { minLength: length, maxLength: length }).map((v) => Float32Array.from(v)),
        );
      }),
      ([shape, data]) => {
        const read = parseNpy('x', formatNpy('float32', data, shape), { dtype: 'float32', shape });
        expect(read.shape).toEqual(shape);
        expect(Buffer.from(read.data.buffer)).toEqual(Buffer.from(data.buffer));
      },
    ),
  );
});

test('any bytes give the array or a UserError', () => {
  const good = formatNpy('float32', new Float32Array(6), [2, 3]);
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array({ maxLength: 200 }),
        fc.tuple(fc.nat({ max: good.length - 1 }), fc.nat({ max: 255 })).map(([at, byte]) => {
          const bytes = good.slice();
          bytes[at] = byte;
          return bytes;
        }),
        fc.nat({ max: good.length }).map((length) => good.slice(0, length)),
      ),
      (bytes) => {
        try {
          expect(parse(bytes).data).toHaveLength(6);
        } catch (error) {
          expect(error).toBeInstanceOf(UserError);
        }
      },
    ),
    { numRuns: 2000 },
  );
});

test('another library reads a file written here', async () => {
  const data = Float32Array.of(1.5, -2, 3e-30, Number.NaN, 5, 6);
  const read = await load(formatNpy('float32', data, [2, 3]));
  expect([read.shape, read.dtype, read.fortranOrder]).toEqual([[2, 3], 'f4', false]);
  expect(read.data).toEqual(data);
});

const python = 'import numpy as np, sys';
const numpyHere = spawnSync('python3', ['-c', python]).status === 0;
(numpyHere ? test : test.skip)('NumPy and this module read each other (skipped without NumPy)', async () => {
  const ours = join(folder, 'ours.npy');
  const theirs = join(folder, 'theirs.npy');
  await writeNpy(
    ours,
    'uint8',
    Uint8Array.from({ length: 24 }, (_, i) => i * 10),
    [2, 3, 4],
  );
  execFileSync('python3', ['-c', `${python}; np.save(sys.argv[2], np.load(sys.argv[1]) + 1)`, ours, theirs]);
  const { data, shape } = await readNpy(theirs, { dtype: 'uint8', shape: [null, 3, 4] });
  expect(shape).toEqual([2, 3, 4]);
  expect([...data.slice(0, 3)]).toEqual([1, 11, 21]);
});

describe('rejects, with the reason:', () => {
  const f4 = "'<f4'";
  test.each<[string, Uint8Array, RegExp]>([
    ['an empty file', new Uint8Array(0), /ends after 0 bytes, inside the header/],
    ['other magic bytes', Buffer.from('\x01\x02\x03\x04 anything', 'latin1'), /magic bytes.*01020304/],
    ['a ZIP', Buffer.from('PK\x03\x04 some archive'), /this is a ZIP \(an \.npz or a torch file\)/],
    ['a pickle', Buffer.from('\x80\x04\x95 some pickle', 'latin1'), /this is a Python pickle/],
    ['HDF5', Buffer.from('\x89HDF\r\n\x1a\n and more', 'latin1'), /this is an HDF5 file/],
    ['text', Buffer.from('0.1,0.2,0.7\n0.3,0.3,0.4\n'), /this is a text file/],
    ['an unknown version', withHeader(header(f4, 'False', '(2, 3)'), 24, [9, 0]), /version 9\.0/],
    ['a header cut short', withHeader(header(f4, 'False', '(2, 3)'), 0).slice(0, 40), /inside the header/],
    [
      'a header that claims 4 GB',
      Buffer.concat([Buffer.from('\x93NUMPY\x02\x00\xff\xff\xff\xff', 'latin1')]),
      /length is 4294967295/,
    ],
    ['a header that is no dict', withHeader('[1, 2]', 24), /not a dict/],
    ['a missing key', withHeader("{'descr': '<f4', 'shape': (2, 3), }", 24), /not a dict of exactly/],
    [
      'a key given twice',
      withHeader("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}", 24),
      /not a dict of exactly/,
    ],
    ['an expression', withHeader(header(f4, 'False', '(2, 1 + 2)'), 24), /not a dict of exactly/],
    ['lengths in a list', withHeader(header(f4, 'False', '[2, 3]'), 24), /not a dict of exactly/],
    ['nesting without end', withHeader(`${'('.repeat(9000)}`, 24), /not a dict of exactly/],
    ['a negative length', withHeader(header(f4, 'False', '(-2, 3)'), 24), /not a dict of exactly/],
    ['another dtype', withHeader(header("'<f8'", 'False', '(2, 3)'), 48), /dtype is '<f8'/],
    ['integers', withHeader(header("'<i4'", 'False', '(2, 3)'), 24), /dtype is '<i4'/],
    ['a byte order before a name', withHeader(header("'<float32'", 'False', '(2, 3)'), 24), /dtype is/],
    ['pickled objects', withHeader(header("'|O'", 'False', '(2, 3)'), 24), /Python objects/],
    [
      'a structured dtype',
      withHeader(header("[('a', '<f4')]", 'False', '(2, 3)'), 24),
      /dtype is structured/,
    ],
    ['another shape', withHeader(header(f4, 'False', '(3, 2)'), 24), /shape is \[3, 2\].*\[2, 3\]/],
    ['another number of axes', withHeader(header(f4, 'False', '(6,)'), 24), /shape is \[6\]/],
    ['truncated data', withHeader(header(f4, 'False', '(2, 3)'), 23), /truncated: 23 bytes.*24/],
    ['bytes after the data', withHeader(header(f4, 'False', '(2, 3)'), 25), /1 bytes follow/],
  ])('%s', (_, bytes, reason) => {
    expect(() => parse(bytes)).toThrow(UserError);
    expect(() => parse(bytes)).toThrow(reason);
  });

  test('9 KB of data in place of the dtype or the shape are not repeated', () => {
    const data = 'QUJD'.repeat(2250);
    const axes = `(${'0, '.repeat(3000)})`;
    for (const [descr, shape] of [
      [`'${data}'`, '(2, 3)'],
      [`'|O${data}'`, '(2, 3)'],
      [`[('${data}', '<f4')]`, '(2, 3)'],
      [f4, axes],
    ] as const) {
      let message = '';
      try {
        parse(withHeader(header(descr, 'False', shape), 24));
      } catch (error) {
        message = (error as Error).message;
      }
      expect(message).toMatch(/dtype|shape/);
      expect(message.length).toBeLessThan(190);
      expect((message.match(/QUJD/g) ?? []).length).toBeLessThanOrEqual(5);
    }
  });

  test('a missing file, a folder, a named pipe', async () => {
    const pipe = join(folder, 'pipe.npy');
    execFileSync('mkfifo', [pipe]);
    await expect(readNpy(join(folder, 'none.npy'), twoByThree)).rejects.toThrow(/no such file/);
    await expect(readNpy(folder, twoByThree)).rejects.toThrow(/not a regular file/);
    await expect(readNpy(pipe, twoByThree)).rejects.toThrow(/not a regular file/);
  });

  test('a symbolic link, where links are rejected', async () => {
    const file = join(folder, 'a.npy');
    const link = join(folder, 'link.npy');
    await writeNpy(file, 'float32', new Float32Array(6), [2, 3]);
    await symlink(file, link);
    await expect(readNpy(link, { ...twoByThree, refuseLinks: true })).rejects.toThrow(/symbolic link/);
    expect((await readNpy(link, twoByThree)).data).toHaveLength(6);
  });
});

describe('reads what NumPy reads:', () => {
  const data = Float32Array.of(1.5, -2, 3e-30, Number.NaN, Number.NEGATIVE_INFINITY, 6);
  const readHeader = (text: string) =>
    parse(Buffer.concat([withHeader(text, 0), Buffer.from(data.buffer)])).data;
  const usual = header("'<f4'", 'False', '(2, 3)');

  test.each([
    ['double quotes', usual.replaceAll("'", '"')],
    ["Python 2's long integers", header("'<f4'", 'False', '(2L, 3L)')],
    ["Python 2's unicode strings", usual.replace(/'(\w+)'/g, "u'$1'").replace("'<f4'", "u'<f4'")],
    ['CRLF at the end', `${usual}   \r`],
    ['line breaks inside', usual.replaceAll(', ', ',\r\n\t')],
    ['no space at all', usual.replaceAll(' ', '')],
    ['other forms of an integer', header("'<f4'", 'False', '((0x2), +3,)')],
    ['an escaped character', header("'\\x3cf4'", 'False', '(2, 3)')],
    ...['=f4', '|f4', 'f4', 'f', '<f', 'float32', 'single'].map((descr) => [
      `the dtype ${descr}`,
      header(`'${descr}'`, 'False', '(2, 3)'),
    ]),
  ])('%s', (_, text) => {
    expect(readHeader(text!)).toEqual(data);
  });

  test('keys in any order with any space between the parts', () => {
    const items = ["'descr' : '<f4'", "'fortran_order':False", "'shape' :( 2 ,3 )"];
    fc.assert(
      fc.property(
        fc.shuffledSubarray(items, { minLength: 3 }),
        fc.stringMatching(/^[ \t\r\n]{0,4}$/),
        fc.boolean(),
        (keys, space, comma) => {
          const text = `{${space}${keys.join(`${space},${space}`)}${space}${comma ? ',' : ''}}${space}`;
          expect(readHeader(text)).toEqual(data);
        },
      ),
    );
  });
});

describe('as float, reads float16, float32 and float64 in both byte orders and both axis orders, exactly:', () => {
  /** Encodes values in the layout that a header claims. */
  function encode(
    descr: string,
    fortran: boolean,
    rows: number,
    columns: number,
    values: number[],
  ): Uint8Array {
    const [order, size] = [descr[0], Number(descr[2])];
    const bytes = Buffer.alloc(values.length * size);
    values.forEach((value, index) => {
      const [row, column] = [Math.floor(index / columns), index % columns];
      const at = size * (fortran ? column * rows + row : index);
      if (size === 2) bytes[order === '>' ? 'writeUInt16BE' : 'writeUInt16LE'](value, at);
      else if (size === 4) bytes[order === '>' ? 'writeFloatBE' : 'writeFloatLE'](value, at);
      else bytes[order === '>' ? 'writeDoubleBE' : 'writeDoubleLE'](value, at);
    });
    const text = header(`'${descr}'`, fortran ? 'True' : 'False', `(${rows}, ${columns})`);
    return Buffer.concat([withHeader(text, 0), bytes]);
  }

  test.each(['f4', 'f8'])('%s', (type) => {
    const float = type === 'f4' ? fc.float() : fc.double();
    fc.assert(
      fc.property(
        fc.constantFrom('<', '>'),
        fc.boolean(),
        fc.nat({ max: 4 }),
        fc
          .nat({ max: 4 })
          .chain((columns) =>
            fc.tuple(fc.constant(columns), fc.array(float, { minLength: 16, maxLength: 16 })),
          ),
        (order, fortran, rows, [columns, many]) => {
          const values = many.slice(0, rows * columns);
          const file = encode(`${order}${type}`, fortran, rows, columns, values);
          const { data, shape } = parseNpy('x', file, { dtype: 'float', shape: [rows, columns] });
          expect(shape).toEqual([rows, columns]);
          expect(data).toEqual(type === 'f4' ? Float32Array.from(values) : Float64Array.from(values));
        },
      ),
    );
  });

  test('each of the 65,536 values of float16', () => {
    const bits = Array.from({ length: 65_536 }, (_, index) => index);
    for (const order of ['<', '>']) {
      const { data } = parseNpy('x', encode(`${order}f2`, false, 1, 65_536, bits), {
        dtype: 'float',
        shape: [1, 65_536],
      });
      expect(data).toBeInstanceOf(Float32Array);
      // Built from the bits of a float32: 8 bits of exponent instead of 5, 23 bits of fraction instead of 10.
      const wrong = bits.filter((index) => {
        const [sign, exponent, fraction] = [index >> 15, (index >> 10) & 31, index & 1023];
        const word = new DataView(new ArrayBuffer(4));
        const wide = exponent === 31 ? 255 : exponent + 112;
        word.setUint32(0, ((sign << 31) | (wide << 23) | (fraction << 13)) >>> 0);
        const small = (sign === 1 ? -1 : 1) * (fraction / 2 ** 24);
        return !Object.is(data[index], exponent === 0 ? small : word.getFloat32(0));
      });
      expect(wrong).toEqual([]);
    }
  });

  test('more than two axes', () => {
    const bytes = Buffer.from(Float32Array.from({ length: 24 }, (_, index) => index).buffer);
    const text = header("'<f4'", 'True', '(2, 3, 4)');
    const { data } = parseNpy('x', Buffer.concat([withHeader(text, 0), bytes]), {
      dtype: 'float',
      shape: [2, 3, 4],
    });
    const at = (i: number, j: number, k: number) => data[(i * 3 + j) * 4 + k];
    expect([at(0, 0, 0), at(1, 0, 0), at(0, 1, 0), at(0, 0, 1), at(1, 2, 3)]).toEqual([0, 1, 2, 6, 23]);
  });

  test('but an array of a Track only in C order and of its own dtype', () => {
    const images = withHeader(header("'|u1'", 'True', '(2, 3)'), 6);
    expect(() => parseNpy('x', images, { dtype: 'uint8', shape: [2, 3] })).toThrow(/Fortran order/);
  });
});

test('reads headers of format versions 2 and 3, with keys in another order and without padding', () => {
  const other = "{'shape': (2, 3), 'fortran_order': False, 'descr': '<f4'}";
  for (const version of [1, 2, 3]) expect(parse(withHeader(other, 24, [version, 0])).shape).toEqual([2, 3]);
});

test('a failed write leaves no file, neither complete nor partial', async () => {
  await writeFile(join(folder, 'taken'), 'kept');
  await expect(writeNpy(join(folder, 'taken', 'x.npy'), 'uint8', new Uint8Array(1), [1])).rejects.toThrow();
  await expect(writeNpy(join(folder, 'x.npy'), 'uint8', new Uint8Array(2), [1])).rejects.toThrow(RangeError);
  expect(await readdir(folder)).toEqual(['taken']);
  expect(await readFile(join(folder, 'taken'), 'utf8')).toBe('kept');
});
