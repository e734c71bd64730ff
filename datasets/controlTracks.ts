import { createFolder } from './newFolder.ts';
import { formatNpy } from './npy.ts';
import { type Random, shuffle } from './random.ts';
import { readImages, readLabels } from './readTrack.ts';
import { sha256 } from './sha256.ts';
import { type TrackInfo, trackFiles } from './track.ts';

/**
 * Control Tracks: the images of a Track with other labels, to find out what an entry learns from the given labels and
 * what it brought along.
 *
 *     shuffled   training labels shuffled among the training images; withheld labels unchanged
 *     permuted   every class has the name of another, in both halves
 *
 * An entry that can recognise a control can behave well on it. So the unchanged Track (`honest`) is rewritten by the
 * same code too, and only labels differ. Name and class list are the same, so no track.json reveals the control. In a
 * permuted Track, images and class names do not match; this is intended.
 */
export const trackVersions = ['honest', 'shuffled', 'permuted'] as const;
export type TrackVersion = (typeof trackVersions)[number];

/** Bytes of each half of a Track. */
export interface Halves {
  readonly train: Uint8Array<ArrayBuffer>;
  readonly test: Uint8Array<ArrayBuffer>;
}

export interface TrackContent {
  readonly info: TrackInfo;
  /** uint8 [trainSize, 32, 32, 3] and [testSize, 32, 32, 3] */
  readonly images: Halves;
  /** uint8 [trainSize] and [testSize] */
  readonly labels: Halves;
}

/**
 * Reads the Track in folder `dir`, withheld labels included.
 * @throws UserError
 */
export async function readContent(dir: string, info: TrackInfo): Promise<TrackContent> {
  return {
    info,
    images: { train: await readImages(dir, 'train', info), test: await readImages(dir, 'test', info) },
    labels: { train: await readLabels(dir, 'train', info), test: await readLabels(dir, 'test', info) },
  };
}

/**
 * Draws the labels of each version of a Track.
 * @returns also `renaming`: in the permuted version, class `c` has the name `renaming[c]`, which is never `c`
 */
export function drawVersions(
  labels: Halves,
  classes: number,
  random: Random,
): { versions: Record<TrackVersion, Halves>; renaming: number[] } {
  const dealt = Uint8Array.from(shuffle([...labels.train], random));
  const renaming = derangement(classes, random);
  const rename = (each: Uint8Array<ArrayBuffer>) => each.map((label) => renaming[label]!);
  return {
    versions: {
      honest: labels,
      shuffled: { train: dealt, test: labels.test },
      permuted: { train: rename(labels.train), test: rename(labels.test) },
    },
    renaming,
  };
}

/**
 * Writes a Track with the same images and other labels to the folder `out`, atomically.
 * @returns its description: that of the content, with the hashes of the written files
 * @throws UserError if `out` is not free or cannot be written
 */
export async function writeVersion(
  { info, images }: TrackContent,
  labels: Halves,
  out: string,
): Promise<TrackInfo> {
  const { trainSize, testSize, imageShape } = info;
  const files = new Map<string, Uint8Array>([
    [trackFiles.trainImages, formatNpy('uint8', images.train, [trainSize, ...imageShape])],
    [trackFiles.trainLabels, formatNpy('uint8', labels.train, [trainSize])],
    [trackFiles.testImages, formatNpy('uint8', images.test, [testSize, ...imageShape])],
    [trackFiles.testLabels, formatNpy('uint8', labels.test, [testSize])],
  ]);
  const written: TrackInfo = {
    ...info,
    sha256: Object.fromEntries([...files].map(([file, bytes]) => [file, sha256(bytes)])),
  };
  files.set(trackFiles.info, Buffer.from(`${JSON.stringify(written, null, 2)}\n`));
  await createFolder(out, files);
  return written;
}

/** Draws a derangement of 0 to n - 1 uniformly, by rejection. */
function derangement(n: number, random: Random): number[] {
  for (;;) {
    const order = shuffle(
      Array.from({ length: n }, (_, index) => index),
      random,
    );
    if (order.every((value, index) => value !== index)) return order;
  }
}
