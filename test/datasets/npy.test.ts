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
    ['other magic bytes', Buffer.from('PK\x03\x04 some zip archive'), /magic bytes.*504b0304/],
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
    ['a negative length', withHeader(header(f4, 'False', '(-2, 3)'), 24), /not a dict of exactly/],
    ['another dtype', withHeader(header("'<f8'", 'False', '(2, 3)'), 48), /dtype is '<f8'/],
    ['big-endian values', withHeader(header("'>f4'", 'False', '(2, 3)'), 24), /big-endian/],
    ['pickled objects', withHeader(header("'|O'", 'False', '(2, 3)'), 24), /Python objects/],
    [
      'a structured dtype',
      withHeader(header("[('a', '<f4')]", 'False', '(2, 3)'), 24),
      /dtype is structured/,
    ],
    ['Fortran order', withHeader(header(f4, 'True', '(2, 3)'), 24), /Fortran order/],
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
