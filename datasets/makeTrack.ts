import { resolve } from 'node:path';
import { namesOfPair, refuseCopies } from './copies.ts';
import { distinctImages } from './distinctImages.ts';
import { findNearCopies, type NearCopies } from './nearCopies.ts';
import { createFolder, requireFree } from './newFolder.ts';
import { formatNpy } from './npy.ts';
import { MAX_SEED, type Seed } from './random.ts';
import { SECRET_BYTES } from './secretRandom.ts';
import { sha256 } from './sha256.ts';
import { fingerprint, IMAGE_BYTES, imageAt, type LabelledImages, type Source } from './source.ts';
import { type PerClass, stratifiedSample, TooFewImages } from './stratifiedSample.ts';
import { type TrackInfo, trackFiles } from './track.ts';
import { UserError } from './userError.ts';

export interface MakeTrackOptions {
  readonly trainPerClass: number;
  /** `all`: every image that is not trained on. */
  readonly testPerClass: PerClass;
  /** Integer from 0 to 2^32 - 1, or a 32-byte secret, without which nobody can draw the withheld half again. */
  readonly seed: Seed;
  /** Folder to create; must not exist or must be empty. */
  readonly out: string;
  /** Make the Track even if more than a tenth of a class is skipped because of equal pixels. */
  readonly allowCopies?: boolean;
  /** Default: the source's description with the sample's size and its seed, if that is not secret. */
  readonly name?: string;
}

export interface MadeTrack {
  readonly info: TrackInfo;
  /** Images skipped because another with the same pixels was kept. */
  readonly duplicates: number;
  /** Images skipped because the same pixels have different labels. */
  readonly contradictions: number;
  /** Names of two images with the same pixels, if there are such and the source names its images. */
  readonly example?: readonly [string, string];
  /** Images of the Track that look alike, if the source names its images. */
  readonly nearCopies?: NearCopies;
}

/**
 * Draws a stratified Track from a source and writes it to the folder `out`, atomically. Training and test images are
 * disjoint by content. The same source, seed and sizes give the same bytes.
 *
 * @throws UserError if sizes or seed are invalid, a class has too few distinct images, or `out` is not free
 */
export async function makeTrack(source: Source, options: MakeTrackOptions): Promise<MadeTrack> {
  checkOptions(options);
  const out = resolve(options.out);
  await requireFree(out);

  const distinct = distinctImages(source);
  if (!options.allowCopies) refuseCopies(source, distinct);
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
      `${source.description}: ${options.trainPerClass} + ${options.testPerClass === 'all' ? 'all others' : options.testPerClass} a class, ${typeof options.seed === 'number' ? `seed ${options.seed}` : 'drawn by a secret'}`,
    classes: [...source.classes],
    imageShape: [32, 32, 3],
    trainSize: train.labels.length,
    testSize: test.labels.length,
    seed: typeof options.seed === 'number' ? options.seed : { secretSha256: sha256(options.seed) },
    source: {
      kind: source.kind,
      description: source.description,
      sha256: fingerprint(source),
      ...(source.trackWarnings?.length ? { warnings: [...source.trackWarnings] } : {}),
    },
    sha256: Object.fromEntries([...files].map(([file, bytes]) => [file, sha256(bytes)])),
  };
  files.set(trackFiles.info, Buffer.from(`${JSON.stringify(info, null, 2)}\n`));
  await createFolder(out, files);
  const example = namesOfPair(source, distinct);
  return {
    info,
    duplicates: distinct.duplicates,
    contradictions: distinct.contradictions,
    ...(example === undefined ? {} : { example }),
    ...(source.train.names === undefined ? {} : { nearCopies: findNearCopies(source, sample) }),
  };
}

function checkOptions({ trainPerClass, testPerClass, seed }: MakeTrackOptions): void {
  for (const [option, value] of [
    ['--train-per-class', trainPerClass],
    ['--test-per-class', testPerClass],
  ] as const) {
    if (value === 'all') continue;
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new UserError({
        option: `${option} ${value}`,
        reason: 'must be an integer of at least 1.',
      });
    }
  }
  if (typeof seed !== 'number') {
    if (seed.length === SECRET_BYTES) return;
    throw new UserError(`the secret has ${seed.length} bytes; expected ${SECRET_BYTES}.`);
  }
  if (!Number.isInteger(seed) || seed < 0 || seed > MAX_SEED) {
    throw new UserError({
      option: `--seed ${seed}`,
      reason: `must be an integer from 0 to ${MAX_SEED}.`,
    });
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
      both: `${error.needed} (${options.trainPerClass} to train + ${options.testPerClass === 'all' ? 1 : options.testPerClass} to test)`,
      train: `${error.needed} to train`,
      test: `${error.needed} to test`,
    }[error.split];
    throw new UserError({
      reason: `${source.description}: class "${source.classes[error.label]}" has ${error.available} distinct images, but ${wanted} are needed${others(source, error)}`,
      remedy: 'Lower --train-per-class or --test-per-class, or add images of that class.',
    });
  }
}

/** Names the other classes with too few images. */
function others({ classes }: Source, { all }: TooFewImages): string {
  const [, ...rest] = all.map(({ label, available }) => `"${classes[label]}" (${available})`);
  if (rest.length === 0) return '';
  const more = rest.length - 10;
  return `; too few also: ${rest.slice(0, 10).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

/** Copies the images at `indices`, in that order. */
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
