import { createFolder } from './newFolder.ts';
import { formatNpy } from './npy.ts';
import { type Random, shuffle } from './random.ts';
import { readImages, readLabels } from './readTrack.ts';
import { sha256 } from './sha256.ts';
import { type TrackInfo, trackFiles } from './track.ts';

/**
 * Control Tracks: the images of a Track under other labels, to find out what an entry takes from the labels that it
 * is given and what it brought along.
 *
 *     shuffled   training labels dealt out anew among the training images; withheld labels as they were
 *     permuted   every class called by another one's name, in both halves alike
 *
 * An entry that can tell a control from the real thing can behave on it. So a Track that is left as it is (`honest`)
 * is written anew too, all by the same hand, and nothing but labels differs: name and class list stay, which is why
 * no track.json says which control it is. In a permuted Track image and name no longer belong together; that is the
 * point of it.
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
 * @returns also `renaming`: in the permuted version class `c` is called `renaming[c]`, for every c another than c
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
 * Writes a Track of the same images and other labels as the folder `out`, which appears whole or not at all.
 * @returns its description: that of the content, with the hashes of what was written
 * @throws UserError when `out` is taken or cannot be written
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

/** A permutation of 0 to n - 1 that leaves no number in its place, each equally likely: drawn until one does. */
function derangement(n: number, random: Random): number[] {
  for (;;) {
    const order = shuffle(
      Array.from({ length: n }, (_, index) => index),
      random,
    );
    if (order.every((value, index) => value !== index)) return order;
  }
}
