import { createReadStream } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { Parser } from 'tar';
import { describeFault } from '../describeFault.ts';
import { IMAGE_BYTES, type LabelledImages, type Source, type TestFrom } from '../source.ts';
import { asSystemError, codeAndMeaning, isDenied, ownership } from '../systemError.ts';
import { UserError } from '../userError.ts';

// Layout: https://www.cs.toronto.edu/~kriz/cifar.html, "Binary version".
const RECORD_BYTES = 1 + IMAGE_BYTES;
const RECORDS_A_FILE = 10_000;
const trainFiles = [1, 2, 3, 4, 5].map((number) => `data_batch_${number}.bin`);
const testFile = 'test_batch.bin';
const classes = [
  'airplane',
  'automobile',
  'bird',
  'cat',
  'deer',
  'dog',
  'frog',
  'horse',
  'ship',
  'truck',
] as const;

const remedy =
  'Give --from the file cifar-10-binary.tar.gz of https://www.cs.toronto.edu/~kriz/cifar.html, or the unpacked folder.';

function unreadable(path: string, error: unknown): UserError {
  return new UserError({
    path,
    reason: `cannot be read (${codeAndMeaning(error)}${isDenied(error) ? ownership(path) : ''})`,
    remedy: isDenied(error) ? 'Let its owner make it readable, or give --from a copy of yours.' : remedy,
  });
}

/**
 * Reads the binary version of CIFAR-10 from its tar file (compressed or not) or the unpacked folder. The checksum is
 * not checked; each file can have up to 10,000 records, counted by its size.
 *
 * @throws UserError that names the file and what is wrong with it
 */
export async function readCifar10(options: { from: string; testFrom: TestFrom }): Promise<Source> {
  const { from, testFrom } = options;
  const needed = testFrom === 'test' ? [...trainFiles, testFile] : trainFiles;
  const kind = await stat(from).catch((error) => {
    throw unreadable(from, error);
  });
  const files = kind.isDirectory() ? await readFolder(from, needed) : await readTar(from, needed);
  const set = (names: readonly string[]) =>
    concatenate(names.map((name) => parseCifarRecords(`${from}: ${name}`, files.get(name)!)));
  return {
    kind: 'cifar10',
    description: testFrom === 'test' ? 'CIFAR-10, tested on its test images' : 'CIFAR-10, training images',
    classes,
    train: set(trainFiles),
    ...(testFrom === 'test' ? { test: set([testFile]) } : {}),
  };
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
  const plane = IMAGE_BYTES / 3;
  for (let record = 0; record < size; record++) {
    const start = record * RECORD_BYTES;
    const label = bytes[start]!;
    if (label >= classes.length) {
      throw new UserError({
        path: name,
        reason: `record ${record} has label ${label}; expected 0 to 9`,
        remedy,
      });
    }
    labels[record] = label;
    const red = start + 1;
    let out = record * IMAGE_BYTES;
    for (let pixel = red; pixel < red + plane; pixel++) {
      images[out++] = bytes[pixel]!;
      images[out++] = bytes[pixel + plane]!;
      images[out++] = bytes[pixel + 2 * plane]!;
    }
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

async function readFolder(folder: string, names: readonly string[]): Promise<Map<string, Uint8Array>> {
  const entries = await readdir(folder).catch((error) => {
    throw unreadable(folder, error);
  });
  const inner = 'cifar-10-batches-bin';
  if (!entries.includes(trainFiles[0]!) && entries.includes(inner))
    return readFolder(join(folder, inner), names);
  checkComplete(folder, entries, names);
  const files = new Map<string, Uint8Array>();
  for (const name of names) {
    const path = join(folder, name);
    const { size } = await stat(path).catch((error) => {
      throw unreadable(path, error);
    });
    const refusal = wrongSize(path, size);
    if (refusal !== null) throw refusal;
    const bytes = await readFile(path).catch((error) => {
      throw unreadable(path, error);
    });
    files.set(name, bytes);
  }
  return files;
}

async function readTar(path: string, names: readonly string[]): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  const seen: string[] = [];
  let refusal: UserError | null = null;
  const parser: Parser = new Parser({
    strict: true,
    onReadEntry: (entry): void => {
      const name = basename(entry.path);
      seen.push(name);
      if (entry.type !== 'File' || !names.includes(name) || refusal !== null) {
        entry.resume();
        return;
      }
      refusal = files.has(name)
        ? new UserError({ path, reason: `contains ${name} twice`, remedy })
        : wrongSize(`${path}: ${name}`, entry.size);
      if (refusal !== null) {
        parser.abort(refusal);
        return;
      }
      const bytes = new Uint8Array(entry.size);
      files.set(name, bytes);
      let filled = 0;
      entry.on('data', (chunk) => {
        bytes.set(chunk, filled);
        filled += chunk.length;
      });
    },
  });
  try {
    await pipeline(createReadStream(path), parser as unknown as NodeJS.WritableStream);
  } catch (error) {
    if (asSystemError(error) !== null) throw unreadable(path, error);
    throw (
      refusal ??
      new UserError({
        path,
        reason: `is not a complete tar archive (${describeFault(error)})`,
        remedy,
      })
    );
  }
  checkComplete(path, seen, names);
  return files;
}

function checkComplete(where: string, found: readonly string[], needed: readonly string[]): void {
  const missing = needed.filter((name) => !found.includes(name));
  if (missing.length === 0) return;
  const hint = found.some((name) => /^data_batch_\d$/.test(name))
    ? 'It looks like the Python version, which contains pickles; the binary version is needed. '
    : '';
  throw new UserError({ path: where, reason: `has no ${missing.join(', ')}`, remedy: hint + remedy });
}

function concatenate(sets: readonly LabelledImages[]): LabelledImages {
  const join = (arrays: readonly Uint8Array[]) => new Uint8Array(Buffer.concat(arrays));
  return { images: join(sets.map((set) => set.images)), labels: join(sets.map((set) => set.labels)) };
}
