import { createHash, randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { mkdir, open, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { distinctImages } from './distinctImages.ts';
import { formatNpy } from './npy.ts';
import { MAX_SEED, type Seed } from './random.ts';
import { SECRET_BYTES, secretSha256 } from './secretRandom.ts';
import { fingerprint, IMAGE_BYTES, imageAt, type LabelledImages, type Source } from './source.ts';
import { stratifiedSample, TooFewImages } from './stratifiedSample.ts';
import { type TrackInfo, trackFiles } from './track.ts';
import { UserError } from './userError.ts';

export interface MakeTrackOptions {
  readonly trainPerClass: number;
  readonly testPerClass: number;
  /** Integer, 0 to 2^32 - 1; or a secret of 32 bytes, for a withheld half that nobody can draw again without it. */
  readonly seed: Seed;
  /** Folder to make; must not exist, or be empty. */
  readonly out: string;
  /** Default: the source's description with the sample's size and, if it is no secret, seed. */
  readonly name?: string;
}

export interface MadeTrack {
  readonly info: TrackInfo;
  /** Images of the source left out because another with the same pixels was kept. */
  readonly duplicates: number;
  /** Images of the source left out because the same pixels carry different labels. */
  readonly contradictions: number;
}

/**
 * Draws a Track from a source and writes it as the folder `out`: stratified, train and test disjoint by image content,
 * the same bytes for the same source, seed and sizes. The folder appears whole or not at all.
 *
 * @throws UserError when the sizes or seed make no sense, a class has too few different images, or `out` is taken.
 */
export async function makeTrack(source: Source, options: MakeTrackOptions): Promise<MadeTrack> {
  checkOptions(options);
  const out = resolve(options.out);
  await checkFree(out);

  const distinct = distinctImages(source);
  const sample = drawSample(source, distinct, options);
  const train = select(source.train, sample.train);
  const test = select(source.test ?? source.train, sample.test);

  const files = new Map<string, Uint8Array>([
    [trackFiles.trainImages, formatNpy('uint8', train.images, [train.labels.length, 32, 32, 3])],
    [trackFiles.trainLabels, formatNpy('uint8', train.labels, [train.labels.length])],
    [trackFiles.testImages, formatNpy('uint8', test.images, [test.labels.length, 32, 32, 3])],
    [trackFiles.testLabels, formatNpy('uint8', test.labels, [test.labels.length])],
  ]);
  const info: TrackInfo = {
    schemaVersion: 1,
    name:
      options.name ??
      `${source.description}: ${options.trainPerClass} + ${options.testPerClass} a class, ${typeof options.seed === 'number' ? `seed ${options.seed}` : 'drawn by a secret'}`,
    classes: [...source.classes],
    imageShape: [32, 32, 3],
    trainSize: train.labels.length,
    testSize: test.labels.length,
    seed: typeof options.seed === 'number' ? options.seed : { secretSha256: secretSha256(options.seed) },
    source: { kind: source.kind, description: source.description, sha256: fingerprint(source) },
    sha256: Object.fromEntries([...files].map(([file, bytes]) => [file, sha256(bytes)])),
  };
  files.set(trackFiles.info, Buffer.from(`${JSON.stringify(info, null, 2)}\n`));
  await writeFolder(out, files);
  return { info, duplicates: distinct.duplicates, contradictions: distinct.contradictions };
}

/**
 * Refuses a place where a Track cannot be put. Callers whose source takes long to read ask before they read it.
 *
 * @throws UserError when `out` exists and is not an empty folder
 */
export async function checkFree(out: string): Promise<void> {
  let entries: string[];
  try {
    entries = await readdir(out);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT') return;
    if (code === 'ENOTDIR') {
      throw new UserError(
        `${out} exists and is not a folder. Give --out a folder that does not exist yet or is empty.`,
      );
    }
    throw new UserError(`${out} cannot be used as --out (${code}). Give --out a folder that may be made.`);
  }
  if (entries.length > 0) {
    throw new UserError(
      `${out} exists and is not empty (${entries.length} entries, such as ${entries[0]}). ` +
        'Give --out a folder that does not exist yet, or remove that one.',
    );
  }
}

function checkOptions({ trainPerClass, testPerClass, seed }: MakeTrackOptions): void {
  for (const [option, value] of [
    ['--train-per-class', trainPerClass],
    ['--test-per-class', testPerClass],
  ] as const) {
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new UserError(`${option} is ${value}; expected a whole number of at least 1.`);
    }
  }
  if (typeof seed !== 'number') {
    if (seed.length === SECRET_BYTES) return;
    throw new UserError(`the secret has ${seed.length} bytes; expected ${SECRET_BYTES}.`);
  }
  if (!Number.isInteger(seed) || seed < 0 || seed > MAX_SEED) {
    throw new UserError(`--seed is ${seed}; expected a whole number from 0 to ${MAX_SEED}.`);
  }
}

function drawSample(
  source: Source,
  distinct: ReturnType<typeof distinctImages>,
  options: MakeTrackOptions,
): { train: number[]; test: number[] } {
  try {
    return stratifiedSample({
      trainLabels: source.train.labels,
      train: distinct.train,
      test: distinct.test && { labels: source.test!.labels, indices: distinct.test },
      classes: source.classes.length,
      ...options,
    });
  } catch (error) {
    if (!(error instanceof TooFewImages)) throw error;
    const wanted = {
      both: `${error.needed} (${options.trainPerClass} to train + ${options.testPerClass} to test)`,
      train: `${error.needed} to train`,
      test: `${error.needed} to test`,
    }[error.split];
    throw new UserError(
      `${source.description}: class "${source.classes[error.label]}" has ${error.available} different images where ` +
        `${wanted} are asked for. Lower --train-per-class or --test-per-class, or add images of that class.`,
    );
  }
}

/** The images at `indices`, in that order, copied. */
function select(
  set: LabelledImages,
  indices: readonly number[],
): { images: Uint8Array<ArrayBuffer>; labels: Uint8Array<ArrayBuffer> } {
  const images = new Uint8Array(indices.length * IMAGE_BYTES);
  indices.forEach((index, row) => {
    images.set(imageAt(set, index), row * IMAGE_BYTES);
  });
  return { images, labels: Uint8Array.from(indices, (index) => set.labels[index]!) };
}

/** Writes beside `out`, flushes to disk, then renames: a crash leaves no half Track under the name asked for. */
export async function writeFolder(out: string, files: ReadonlyMap<string, Uint8Array>): Promise<void> {
  const temporary = join(dirname(out), `.${basename(out)}.${randomUUID()}.part`);
  try {
    await mkdir(dirname(out), { recursive: true });
    for (const [file, bytes] of files) {
      const path = join(temporary, file);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, bytes, { flush: true, flag: 'wx' });
    }
    for (const folder of new Set([...files.keys()].map((file) => dirname(join(temporary, file))))) {
      await flushFolder(folder);
    }
    await rename(temporary, out);
    await flushFolder(dirname(out));
  } catch (error) {
    // Fails in its turn where a file stands in place of a folder above: the first cause is the one to tell.
    await rm(temporary, { recursive: true, force: true }).catch(() => {});
    // Someone else made it since it was looked at: told as if it had been there from the start.
    await checkFree(out);
    throw new UserError(
      `${out} could not be written (${(error as NodeJS.ErrnoException).code ?? error}). Nothing was left there; ` +
        'check the free space and your rights on that folder, or give --out another one.',
    );
  }
}

async function flushFolder(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
