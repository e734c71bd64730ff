import { randomInt } from 'node:crypto';
import { formatNpy } from '../npy.ts';
import { shuffleBy } from '../random.ts';
import { readImages, readLabels, readTrack } from '../readTrack.ts';
import { sha256 } from '../sha256.ts';
import { IMAGE_BYTES, imageAt, type LabelledImages } from '../source.ts';
import { UserError } from '../userError.ts';
import { checkRecipient, encrypt } from './age.ts';
import { packTar } from './tarInMemory.ts';
import { type WithheldInfo, withheldFiles } from './withheldSet.ts';

/** Public keys, `age1...`: two, so that what runs entries need not hold the key that opens the labels. */
export interface SealTo {
  /** The organizer's: opens images and labels. */
  readonly organizer: string;
  /** Opens the images alone. */
  readonly images: string;
}

export interface SealedSet {
  /** What is to be written as withheld.age. */
  readonly bytes: Uint8Array;
  /** What the sealed file says of itself, to who can open it; not for the public. */
  readonly info: WithheldInfo;
}

/**
 * Seals the withheld half of a Track, its images and labels, so that only who has a secret key can read it. Nothing
 * in clear is written anywhere; the length of the sealed file does not depend on the labels.
 *
 * @throws UserError when the Track is not whole, a key is no public key, or both are the same
 */
export async function sealTrack(trackDir: string, to: SealTo): Promise<SealedSet> {
  // The keys first: a Track may take long to read.
  await checkRecipient('--to', to.organizer);
  await checkRecipient('--images-to', to.images);
  if (to.organizer === to.images) {
    throw new UserError(
      '--to and --images-to are the same key: whoever opens the images to run entries would open the labels too. ' +
        'Give the two public keys that `haet seal keygen` printed.',
    );
  }
  const track = await readTrack(trackDir);
  const test = inFreshOrder({
    images: await readImages(trackDir, 'test', track),
    labels: await readLabels(trackDir, 'test', track),
  });

  const { schemaVersion, name, classes, imageShape, testSize, seed, source } = track;
  const images = formatNpy('uint8', test.images, [testSize, ...imageShape]);
  const labels = await encrypt(formatNpy('uint8', test.labels, [testSize]), to.organizer);
  const info: WithheldInfo = {
    schemaVersion,
    name,
    classes,
    imageShape,
    testSize,
    seed,
    source,
    sha256: { [withheldFiles.images]: sha256(images), [withheldFiles.labels]: sha256(labels) },
  };
  const archive = packTar(
    new Map([
      [withheldFiles.info, Buffer.from(`${JSON.stringify(info, null, 2)}\n`)],
      [withheldFiles.images, images],
      [withheldFiles.labels, labels],
    ]),
  );
  return { bytes: await encrypt(archive, to.images, to.organizer), info };
}

/**
 * Returns the same images with their labels, every order equally likely. Drawn from the system's randomness: the order in
 * the Track follows from its sampling seed, which can be found by trying.
 */
function inFreshOrder({ images, labels }: LabelledImages): {
  images: Uint8Array<ArrayBuffer>;
  labels: Uint8Array<ArrayBuffer>;
} {
  const rows = shuffleBy(
    Array.from(labels, (_, row) => row),
    (limit) => randomInt(limit),
  );
  const ordered = new Uint8Array(images.length);
  rows.forEach((row, place) => {
    ordered.set(imageAt({ images, labels }, row), place * IMAGE_BYTES);
  });
  return { images: ordered, labels: Uint8Array.from(rows, (row) => labels[row]!) };
}
