// Writes CIFAR-10 in the forms that people have, from records of its binary version.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parquetWriteFile } from 'hyparquet-writer';
import pMap from 'p-map';
import sharp from 'sharp';
import { create } from 'tar';
import { cifarClasses } from '../../../datasets/sources/cifarClasses.ts';

const RECORD = 3073;

/** Batches of the binary version: `data_batch_1` to `data_batch_5` and `test_batch`. */
export type Batches = ReadonlyMap<string, Buffer>;

/** Writes the values of a pickle of protocol 2 as Python 2's cPickle does: text is a string of bytes. */
class PickleWriter {
  readonly #parts: Buffer[] = [Buffer.from('\x80\x02', 'latin1')];

  op(code: string): this {
    this.#parts.push(Buffer.from(code, 'latin1'));
    return this;
  }

  text(value: string | Buffer): this {
    const bytes = Buffer.from(value as string);
    const length = Buffer.alloc(bytes.length < 256 ? 1 : 4);
    length.writeUIntLE(bytes.length, 0, length.length);
    this.op(bytes.length < 256 ? 'U' : 'T');
    this.#parts.push(length, bytes);
    return this;
  }

  integer(value: number): this {
    const bytes = Buffer.alloc(5);
    bytes.write('J', 'latin1');
    bytes.writeInt32LE(value, 1);
    this.#parts.push(bytes);
    return this;
  }

  list<T>(values: readonly T[], write: (value: T) => void): this {
    this.op('](');
    values.forEach(write);
    return this.op('e');
  }

  /** uint8 [rows, columns] */
  array(data: Buffer, rows: number, columns: number): this {
    this.op('cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\n')
      .integer(0)
      .op('\x85')
      .text('b')
      .op('\x87R');
    this.op('(').integer(1).integer(rows).integer(columns).op('\x86');
    this.op('cnumpy\ndtype\n').text('u1').integer(0).integer(1).op('\x87R(').integer(3).text('|').op('NNN');
    return this.integer(-1).integer(-1).integer(0).op('tb\x89').text(data).op('tb');
  }

  end(): Buffer {
    this.op('.');
    return Buffer.concat(this.#parts);
  }
}

/** Returns a batch as the authors pickled it. */
export function pickledBatch(records: Buffer, name = 'training batch 1 of 5'): Buffer {
  const count = records.length / RECORD;
  const at = (index: number) => records.subarray(index * RECORD, (index + 1) * RECORD);
  const rows = Array.from({ length: count }, (_, index) => index);
  const pickle = new PickleWriter().op('}(').text('batch_label').text(name);
  pickle.text('labels').list(rows, (row) => pickle.integer(at(row)[0]!));
  pickle.text('data').array(Buffer.concat(rows.map((row) => at(row).subarray(1))), count, 3072);
  return pickle
    .text('filenames')
    .list(rows, (row) => pickle.text(`picture_s_${String(row).padStart(6, '0')}.png`))
    .op('u')
    .end();
}

/** Returns batches.meta as the authors pickled it. */
export function pickledMeta(names: readonly string[] = cifarClasses): Buffer {
  const pickle = new PickleWriter().op('}(').text('num_cases_per_batch').integer(10_000).text('label_names');
  return pickle
    .list(names, (name) => pickle.text(name))
    .text('num_vis')
    .integer(3072)
    .op('u')
    .end();
}

/** Writes `folder`/cifar-10-batches-bin. @returns its path */
export async function writeBinaryForm(folder: string, batches: Batches): Promise<string> {
  return writeFiles(
    join(folder, 'cifar-10-batches-bin'),
    new Map([...batches].map(([name, bytes]) => [`${name}.bin`, bytes])),
  );
}

/** Writes `folder`/cifar-10-batches-py. @returns its path */
export async function writePythonForm(folder: string, batches: Batches): Promise<string> {
  const files = new Map([...batches].map(([name, records]) => [name, pickledBatch(records, name)]));
  return writeFiles(join(folder, 'cifar-10-batches-py'), files.set('batches.meta', pickledMeta()));
}

async function writeFiles(folder: string, files: ReadonlyMap<string, Buffer>): Promise<string> {
  await mkdir(folder, { recursive: true });
  for (const [name, bytes] of files) await writeFile(join(folder, name), bytes);
  return folder;
}

/** Packs the folder `name` of `folder` into a tar file. @returns its path */
export async function packForm(folder: string, name: string, file: string): Promise<string> {
  const path = join(folder, file);
  await create({ file: path, gzip: file.endsWith('gz'), cwd: folder }, [name]);
  return path;
}

export interface ParquetForm {
  /** `png` as hubs have it, in a struct; `flat` and `nested` as lists of integers. */
  readonly images: 'png' | 'bytes' | 'flat' | 'nested';
  readonly rowGroupSize?: number;
  readonly classes?: readonly string[];
}

/** Writes the records of a Parquet file as a hub does, with its metadata. */
export async function writeParquet(filename: string, records: Buffer, form: ParquetForm): Promise<void> {
  const count = records.length / RECORD;
  const rows = Array.from({ length: count }, (_, index) =>
    records.subarray(index * RECORD, (index + 1) * RECORD),
  );
  const { images, rowGroupSize = 1000, classes = cifarClasses } = form;
  const isPng = images === 'png' || images === 'bytes';
  const pictures = isPng ? await pMap(rows, (row) => pngOf(row.subarray(1)), { concurrency: 4 }) : [];
  const feature = { names: classes, _type: 'ClassLabel' };
  const info = { features: { img: { _type: 'Image' }, label: feature } };
  const list = (name: string, repeated: string, child: object[]) => [
    { name, repetition_type: 'OPTIONAL' as const, num_children: 1, converted_type: 'LIST' as const },
    { name: repeated, repetition_type: 'REPEATED' as const, num_children: 1 },
    ...child,
  ];
  const value = { name: 'element', type: 'INT32' as const, repetition_type: 'OPTIONAL' as const };
  const element = (child: object[]) => list('element', 'list', child);
  const schemas = {
    png: [
      { name: 'img', repetition_type: 'OPTIONAL', num_children: 2 },
      { name: 'bytes', type: 'BYTE_ARRAY', repetition_type: 'OPTIONAL' },
      { name: 'path', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'OPTIONAL' },
    ],
    bytes: [{ name: 'img', type: 'BYTE_ARRAY', repetition_type: 'OPTIONAL' }],
    flat: list('img', 'list', [value]),
    nested: list('img', 'list', element(element([value]))),
  };
  const data = {
    png: () => pictures.map((bytes) => ({ bytes, path: null })),
    bytes: () => pictures,
    flat: () => rows.map((row) => [...row.subarray(1)]),
    nested: () => rows.map((row) => nestedOf(row.subarray(1))),
  };
  parquetWriteFile({
    filename,
    columnData: [
      { name: 'img', data: data[images]() },
      { name: 'label', data: rows.map((row) => BigInt(row[0]!)) },
    ],
    schema: [
      { name: 'schema', num_children: 2 },
      ...(schemas[images] as never[]),
      { name: 'label', type: 'INT64', repetition_type: 'OPTIONAL' },
    ],
    rowGroupSize,
    kvMetadata: [{ key: 'huggingface', value: JSON.stringify({ info }) }],
  });
}

/** Writes train and test files as a hub names them. @returns their folder */
export async function writeParquetForm(folder: string, batches: Batches, form: ParquetForm): Promise<string> {
  const place = join(folder, 'plain_text');
  await mkdir(place, { recursive: true });
  const train = [...batches].filter(([name]) => name.startsWith('data')).map(([, records]) => records);
  await writeParquet(join(place, 'train-00000-of-00001.parquet'), Buffer.concat(train), form);
  await writeParquet(join(place, 'test-00000-of-00001.parquet'), batches.get('test_batch')!, form);
  return folder;
}

function pngOf(planes: Buffer): Promise<Buffer> {
  const pixels = Buffer.alloc(3072);
  for (let index = 0; index < 3072; index++)
    pixels[(index % 1024) * 3 + Math.floor(index / 1024)] = planes[index]!;
  return sharp(pixels, { raw: { width: 32, height: 32, channels: 3 } })
    .png({ compressionLevel: 1 })
    .toBuffer();
}

/** Returns [32][32][3]. */
function nestedOf(planes: Buffer): number[][][] {
  return Array.from({ length: 32 }, (_, y) =>
    Array.from({ length: 32 }, (__, x) => [0, 1024, 2048].map((plane) => planes[plane + 32 * y + x]!)),
  );
}

/** Writes all forms below a folder. @returns what to give to --from, by form */
export async function writeForms(at: string, batches: Batches): Promise<Record<string, string>> {
  const sub = async (name: string) => {
    await mkdir(join(at, name), { recursive: true });
    return join(at, name);
  };
  const [binary, python] = [await sub('binary'), await sub('python')];
  return {
    'binary folder': await writeBinaryForm(binary, batches),
    'binary archive': await packForm(binary, 'cifar-10-batches-bin', 'cifar-10-binary.tar.gz'),
    'Python folder': await writePythonForm(python, batches),
    'Python archive': await packForm(python, 'cifar-10-batches-py', 'cifar-10-python.tar.gz'),
    "torchvision's root": python,
    'Parquet with PNG': await writeParquetForm(await sub('hub'), batches, { images: 'png' }),
    'Parquet with PNG in a plain column': await writeParquetForm(await sub('bytes'), batches, {
      images: 'bytes',
    }),
    'Parquet with flat lists': await writeParquetForm(await sub('flat'), batches, {
      images: 'flat',
      rowGroupSize: 30,
    }),
    'Parquet with nested lists': await writeParquetForm(await sub('nested'), batches, { images: 'nested' }),
  };
}
