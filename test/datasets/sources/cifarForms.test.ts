import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inflateSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseCifarRecords, readCifar10 } from '../../../datasets/sources/cifar10.ts';
import { checkPickledNames, parsePickledBatch } from '../../../datasets/sources/cifarPickle.ts';
import { UserError } from '../../../datasets/userError.ts';
import { cifarRecords } from '../madeUpSource.ts';
import { temporaryFolder } from '../temporaryFolder.ts';
import { type Batches, packForm, pickledBatch, pickledMeta, writePythonForm } from './cifarForms.ts';
import { numpyPickles } from './numpyPickles.ts';

const folder = temporaryFolder();
const names = [...[1, 2, 3, 4, 5].map((number) => `data_batch_${number}`), 'test_batch'];
const madeUp = (count = 12): Batches => new Map(names.map((name) => [name, cifarRecords(count)]));

test('any batch is read from its pickle as from its records', () => {
  fc.assert(
    fc.property(fc.constantFrom(1, 2, 255, 256, 300), (count) => {
      const records = cifarRecords(count);
      const [read, expected] = [
        parsePickledBatch('x', pickledBatch(records)),
        parseCifarRecords('x', records),
      ];
      expect(read.labels).toEqual(expected.labels);
      expect(Buffer.compare(read.images, expected.images)).toBe(0);
    }),
    { numRuns: 5 },
  );
});

test.each(Object.entries(numpyPickles))('reads what NumPy writes: %s', (_, text) => {
  const { images, labels } = parsePickledBatch('x', inflateSync(Buffer.from(text, 'base64')));
  expect([...labels]).toEqual([3, 9]);
  const pixel = (image: number, at: number) => [
    ...images.subarray(image * 3072 + at * 3, image * 3072 + at * 3 + 3),
  ];
  expect(pixel(0, 5)).toEqual([5, (5 + 1024) % 251, (5 + 2048) % 251]);
  expect(pixel(1, 1023)).toEqual([(3072 + 1023) % 251, (3072 + 2047) % 251, (3072 + 3071) % 251]);
});

function errorOf(act: () => unknown): Error {
  try {
    act();
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was rejected');
}

describe('rejects a pickle, with the file and the reason, and runs nothing:', () => {
  const good = pickledBatch(cifarRecords(3));
  /** A pickle of protocol 2 with these steps. */
  const steps = (...parts: (string | Buffer)[]) =>
    Buffer.concat(
      ['\x80\x02', ...parts, '.'].map((part) =>
        typeof part === 'string' ? Buffer.from(part, 'latin1') : part,
      ),
    );
  const array = (shape: string, data: string) =>
    `}(U\x04datacnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01${shape}cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R\x89${data}tbU\x06labels]K\x01au`;

  test.each<[string, Uint8Array, RegExp]>([
    [
      'that calls a function',
      steps('cposix\nsystem\n(U\x04trueTtR'.replace('T', 't')),
      /it names posix\.system of Python.*nothing is run/,
    ],
    [
      'that calls eval by its new name',
      steps('\x8c\x08builtins\x8c\x04eval\x93)R'),
      /it names builtins\.eval/,
    ],
    ['that builds an instance', steps('(U\x02lsiposix\nsystem\n'), /it names posix\.system/],
    [
      'of another class of NumPy',
      steps('cnumpy.core.multiarray\nfromfile\n)R'),
      /it names numpy\.core\.multiarray\.fromfile/,
    ],
    ['with an object outside', steps('U\x03outQ'), /Unregistered persistent id/],
    ['that is cut short', good.subarray(0, 5000), /Expected \d+ more bytes|Unexpected end of file/],
    ['that ends before its end', good.subarray(0, -1), /Unexpected end of file/],
    ['of nothing', steps(), /it is no dict/],
    ['of a list', steps(']'), /it is no dict/],
    ['of another dict', steps('}U\x01aK\x01s'), /'data' is not an array of uint8/],
    ['of CIFAR-100', steps('}U\x0bfine_labels]s'), /it is a batch of CIFAR-100/],
    [
      'with fewer bytes than its shape',
      steps(array('K\x01M\x00\x0c\x86', 'U\x03abc')),
      /shape \[1, 3072\] and dtype u1 with 3 bytes/,
    ],
    [
      'with another shape',
      steps(array('K\x03\x85', 'U\x03abc')),
      /has the shape \[3\]; expected \[images, 3072\]/,
    ],
    [
      'with a shape beyond all bounds',
      steps(array('J\xff\xff\xff\x7fJ\xff\xff\xff\x7f\x86', 'U\x03abc')),
      /with 3 bytes/,
    ],
    ['with a negative length', steps('B\xfb\xff\xff\xff'), /a length of -5/],
    ['with a length beyond all bounds', steps('\x8e\xff\xff\xff\xff\xff\xff\xff\xff'), /a length of/],
    [
      'with an integer of a megabyte',
      steps('\x8b\x00\x00\x10\x00', Buffer.alloc(2 ** 20, 1)),
      /an integer of 1048576 bytes/,
    ],
    ['that creates millions of objects', steps('}'.repeat(600_000)), /more than 500000 steps/],
    ['nested without end', steps('('.repeat(400_000)), /it is no dict/],
    [
      'with a huge memo',
      steps(
        '}',
        Buffer.from(Array.from({ length: 100_000 }, (_, at) => [0x72, at & 255, at >> 8, 255, 255]).flat()),
      ),
      /'data' is not/,
    ],
    ['that sets the prototype of a dict', steps('}U\x09__proto__}U\x04dataK\x01ss'), /'data' is not/],
    ['that changes a function', steps('cnumpy\ndtype\n}U\x04nameU\x01xsb'), /it is no dict|not a|Cannot/],
  ])('%s', (_, bytes, reason) => {
    const error = errorOf(() => parsePickledBatch('cifar/data_batch_1', bytes));
    expect(error).toBeInstanceOf(UserError);
    expect(error.message).toMatch(
      /^cifar\/data_batch_1: is not a readable pickle of CIFAR-10 \(.*cifar-10-binary\.tar\.gz or/s,
    );
    expect(error.message).toMatch(reason);
  });

  test('with labels that are missing, too few or too large', () => {
    const records = cifarRecords(3);
    records[3073] = 10;
    expect(() => parsePickledBatch('x', pickledBatch(records))).toThrow(
      /image 1 has label 10; expected 0 to 9/,
    );
    const one = cifarRecords(1).subarray(1).toString('latin1');
    const withLabels = (labels: string) =>
      steps(array('K\x01M\x00\x0c\x86', `T\x00\x0c\x00\x00${one}`).replace(']K\x01a', labels));
    expect(() => parsePickledBatch('x', withLabels('](K\x01K\x02e'))).toThrow(/has 1 images, but 2 labels/);
    expect(() => parsePickledBatch('x', withLabels('K\x01'))).toThrow(/has 1 images, but no list of labels/);
    expect(parsePickledBatch('x', withLabels(']K\x01a')).labels).toEqual(Uint8Array.of(1));
  });

  test('any bytes give a batch or a UserError, and nothing else', () => {
    const change = fc.tuple(fc.nat({ max: good.length - 1 }), fc.nat({ max: 255 }));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 20 }), (changes) => {
        const bytes = Buffer.from(good);
        // Mostly in the parts that are not pixels.
        for (const [at, value] of changes) bytes[at % 2 === 0 ? at % 120 : at] = value;
        try {
          expect(parsePickledBatch('x', bytes).labels).toHaveLength(3);
        } catch (error) {
          expect(error).toBeInstanceOf(UserError);
        }
      }),
      { numRuns: 500 },
    );
    expect(({} as Record<string, unknown>)['data']).toBeUndefined();
  });
});

describe('rejects the Python version, with the file and the reason:', () => {
  const read = (from: string) => readCifar10({ from, testFrom: 'test' });

  test('a missing batch, in the folder and in the archive', async () => {
    const dir = await writePythonForm(folder.path, madeUp(2));
    await rm(join(dir, 'data_batch_3'));
    await expect(read(dir)).rejects.toThrow(/cifar-10-batches-py: has no data_batch_3\. Give/);
    await expect(read(await packForm(folder.path, 'cifar-10-batches-py', 'a.tar.gz'))).rejects.toThrow(
      /a\.tar\.gz: has no data_batch_3\. Give/,
    );
  });

  test('the same batch twice in an archive', async () => {
    const dir = await writePythonForm(folder.path, madeUp(2));
    await mkdir(join(dir, 'copy'));
    await writeFile(join(dir, 'copy', 'data_batch_1'), await readFile(join(dir, 'data_batch_1')));
    await expect(read(await packForm(folder.path, 'cifar-10-batches-py', 'a.tar'))).rejects.toThrow(
      /a\.tar: contains data_batch_1 twice/,
    );
  });

  test('an empty batch and one that is far too large', async () => {
    const dir = await writePythonForm(folder.path, madeUp(2));
    await writeFile(join(dir, 'data_batch_2'), '');
    await expect(read(dir)).rejects.toThrow(/data_batch_2: has 0 bytes; expected 1 to 67108864/);
    await writeFile(join(dir, 'data_batch_2'), Buffer.alloc(2 ** 26 + 1));
    await expect(read(dir)).rejects.toThrow(/data_batch_2: has 67108865 bytes/);
  });

  test('classes of another data set', () => {
    expect(() => checkPickledNames('batches.meta', pickledMeta(['apple', 'bear']))).toThrow(
      /batches\.meta: .*its classes are apple, bear; expected airplane, automobile/,
    );
  });
});
