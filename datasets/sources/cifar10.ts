import { existsSync } from 'node:fs';
import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { IMAGE_BYTES, type LabelledImages, type Source, type TestFrom } from '../source.ts';
import { UserError } from '../userError.ts';
import { readFolderFiles, readTarFiles, type Wanted } from './batchFiles.ts';
import { cifarClasses, cifarRemedy as remedy } from './cifarClasses.ts';
import { checkPickledNames, MOST_PICKLE_BYTES, parsePickledBatch } from './cifarPickle.ts';
import { planesToRgb } from './planes.ts';
import { unreadable } from './unreadable.ts';

// Layouts: https://www.cs.toronto.edu/~kriz/cifar.html, "Binary version" and "Python version".
const RECORD_BYTES = 1 + IMAGE_BYTES;
const RECORDS_A_FILE = 10_000;
const pickledNames = [1, 2, 3, 4, 5].map((number) => `data_batch_${number}`);
const metaFile = 'batches.meta';
const [binaryTest, pickledTest] = ['test_batch.bin', 'test_batch'];

/** Names of folders and archives with CIFAR-10, as its authors, torchvision, Keras and hubs leave them. */
const innerFolders = ['cifar-10-batches-bin', 'cifar-10-batches-py', 'cifar-10-batches-py-target'];
const innerArchives = ['cifar-10-binary.tar.gz', 'cifar-10-python.tar.gz', 'cifar-10-batches-py.tar.gz'];

/**
 * Reads CIFAR-10 in any of its forms: the binary version, the Python version (each as a tar file, compressed or not,
 * or as a folder), or Parquet files. The same images in the same order give the same source. Checksums are not
 * checked; each batch can have up to 10,000 images.
 *
 * @param options.from a file, its folder, or the folder above
 * @throws UserError that names the file and what is wrong with it
 */
export async function readCifar10(options: { from: string; testFrom: TestFrom }): Promise<Source> {
  const { from, testFrom } = options;
  const { train, test } = await readSets(from, testFrom === 'test');
  return {
    kind: 'cifar10',
    description: testFrom === 'test' ? 'CIFAR-10, tested on its test images' : 'CIFAR-10, training images',
    classes: cifarClasses,
    train,
    ...(test === null ? {} : { test }),
  };
}

interface Sets {
  readonly train: LabelledImages;
  /** Null if it was not wanted. */
  readonly test: LabelledImages | null;
}

async function readSets(from: string, withTest: boolean): Promise<Sets> {
  const kind = await stat(from).catch((error) => {
    throw unreadable(from, error, remedy);
  });
  const place = kind.isDirectory() ? await batchesIn(from) : from;
  if (await isParquet(place)) {
    const { readParquetCifar } = await import('./parquet/cifarParquet.ts');
    return readParquetCifar(place, withTest);
  }
  const wanted = filesWanted(withTest);
  const isFolder = (await stat(place)).isDirectory();
  const files = isFolder ? await readFolderFiles(place, wanted) : await readTarFiles(place, wanted);
  return setsOf(place, files, withTest);
}

/** Returns the folder with the batches, an archive, or a folder with Parquet files, at or below `folder`. */
async function batchesIn(folder: string): Promise<string> {
  const names = new Set(
    await readdir(folder).catch((error) => {
      throw unreadable(folder, error, remedy);
    }),
  );
  if (names.has(`${pickledNames[0]}.bin`) || names.has(pickledNames[0]!)) return folder;
  const inner = [...innerFolders, ...innerArchives].find((name) => names.has(name));
  if (inner === undefined) return folder;
  const path = join(folder, inner);
  return innerFolders.includes(inner) ? batchesIn(path) : path;
}

async function isParquet(place: string): Promise<boolean> {
  if (!(await stat(place)).isDirectory()) return (await startOf(place)).toString('latin1') === 'PAR1';
  if (existsSync(join(place, `${pickledNames[0]}.bin`)) || existsSync(join(place, pickledNames[0]!)))
    return false;
  const { findTables } = await import('./tableFiles.ts');
  return (await findTables(place, 'parquet')).length > 0;
}

async function startOf(path: string): Promise<Buffer> {
  const file = await open(path).catch((error) => {
    throw unreadable(path, error, remedy);
  });
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(4), 0, 4, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

function filesWanted(withTest: boolean): Wanted {
  const pickled = [...pickledNames, ...(withTest ? [pickledTest!] : [])];
  const binary = pickled.map((name) => `${name}.bin`);
  return {
    names: [...binary, ...pickled, metaFile],
    refuse: (path, name, size) =>
      binary.includes(name) ? wrongSize(path, size) : wrongPickleSize(path, size),
    remedy,
  };
}

/** Uses the version whose first batch is there, the binary one first. */
function setsOf(place: string, files: ReadonlyMap<string, Uint8Array>, withTest: boolean): Sets {
  const isPickled =
    !pickledNames.some((name) => files.has(`${name}.bin`)) && pickledNames.some((name) => files.has(name));
  const end = isPickled ? '' : '.bin';
  const [trainFiles, testFile] = [
    pickledNames.map((name) => name + end),
    isPickled ? pickledTest! : binaryTest!,
  ];
  const missing = [...trainFiles, ...(withTest ? [testFile] : [])].filter((name) => !files.has(name));
  if (missing.length > 0)
    throw new UserError({ path: place, reason: `has no ${missing.join(', ')}`, remedy });
  const meta = files.get(metaFile);
  if (isPickled && meta !== undefined) checkPickledNames(`${place}: ${metaFile}`, meta);
  const parse = isPickled ? parsePickledBatch : parseCifarRecords;
  const set = (names: readonly string[]) =>
    concatenate(names.map((name) => parse(`${place}: ${name}`, files.get(name)!)));
  return { train: set(trainFiles), test: withTest ? set([testFile]) : null };
}

/**
 * Parses records of 1 label byte, then 1,024 red, 1,024 green and 1,024 blue bytes.
 *
 * @returns images in rows of RGB pixels
 * @throws UserError; `name` replaces the path in its message
 */
export function parseCifarRecords(name: string, bytes: Uint8Array): LabelledImages {
  const refusal = wrongSize(name, bytes.length);
  if (refusal !== null) throw refusal;
  const size = bytes.length / RECORD_BYTES;
  const images = new Uint8Array(size * IMAGE_BYTES);
  const labels = new Uint8Array(size);
  for (let record = 0; record < size; record++) {
    const start = record * RECORD_BYTES;
    const label = bytes[start]!;
    if (label >= cifarClasses.length) {
      throw new UserError({
        path: name,
        reason: `record ${record} has label ${label}; expected 0 to 9`,
        remedy,
      });
    }
    labels[record] = label;
    planesToRgb(bytes, start + 1, images, record * IMAGE_BYTES);
  }
  return { images, labels };
}

function wrongSize(name: string, size: number): UserError | null {
  if (size > 0 && size % RECORD_BYTES === 0 && size <= RECORDS_A_FILE * RECORD_BYTES) return null;
  return new UserError({
    path: name,
    reason: `has ${size} bytes; expected a multiple of ${RECORD_BYTES} (one record), at most ${RECORDS_A_FILE * RECORD_BYTES}: it is truncated or a different file`,
    remedy,
  });
}

function wrongPickleSize(name: string, size: number): UserError | null {
  if (size > 0 && size <= MOST_PICKLE_BYTES) return null;
  return new UserError({
    path: name,
    reason: `has ${size} bytes; expected 1 to ${MOST_PICKLE_BYTES}: it is truncated or a different file`,
    remedy,
  });
}

function concatenate(sets: readonly LabelledImages[]): LabelledImages {
  const join = (arrays: readonly Uint8Array[]) => new Uint8Array(Buffer.concat(arrays));
  return { images: join(sets.map((set) => set.images)), labels: join(sets.map((set) => set.labels)) };
}
