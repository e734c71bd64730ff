import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { formatNpy } from '../../../datasets/npy.ts';
import { sha256 } from '../../../datasets/sha256.ts';
import { IMAGE_BYTES } from '../../../datasets/source.ts';
import { type TrackInfo, trackFiles } from '../../../datasets/track.ts';
import { madeUpImages } from '../madeUpSource.ts';

/** First number of the withheld images. */
export const FIRST = 1_000_000;

/**
 * Makes a Track of four training images and withheld ones with the given labels; image i has FIRST + i in its first
 * bytes.
 */
export async function numberedTrack(
  dir: string,
  testLabels: readonly number[],
  classes = 10,
): Promise<string> {
  const train = madeUpImages([0, 1, 0, 1]);
  const test = madeUpImages(testLabels, FIRST);
  const files = {
    [trackFiles.trainImages]: formatNpy('uint8', new Uint8Array(train.images), [4, 32, 32, 3]),
    [trackFiles.trainLabels]: formatNpy('uint8', new Uint8Array(train.labels), [4]),
    [trackFiles.testImages]: formatNpy('uint8', new Uint8Array(test.images), [testLabels.length, 32, 32, 3]),
    [trackFiles.testLabels]: formatNpy('uint8', new Uint8Array(test.labels), [testLabels.length]),
  };
  const info: TrackInfo = {
    schemaVersion: 1,
    name: 'numbered, seed 271828',
    classes: Array.from({ length: classes }, (_, label) => `class ${label}`),
    imageShape: [32, 32, 3],
    trainSize: 4,
    testSize: testLabels.length,
    seed: 271_828,
    source: { kind: 'folder', description: 'from a secret place', sha256: 'abcdef01'.repeat(8) },
    sha256: Object.fromEntries(Object.entries(files).map(([file, bytes]) => [file, sha256(bytes)])),
  };
  for (const [file, bytes] of Object.entries({ ...files, [trackFiles.info]: JSON.stringify(info) })) {
    const path = join(dir, file);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, bytes);
  }
  return dir;
}

/** Returns the numbers that the images of a .npy file contain, in their order, from 0. */
export function numbersOf(npy: Uint8Array): number[] {
  const start = npy.length % IMAGE_BYTES; // the header is shorter than an image
  const view = new DataView(npy.buffer, npy.byteOffset + start, npy.length - start);
  return Array.from(
    { length: view.byteLength / IMAGE_BYTES },
    (_, row) => view.getUint32(row * IMAGE_BYTES) - FIRST,
  );
}
