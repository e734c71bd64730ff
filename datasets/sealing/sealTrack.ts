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

/** Two public keys, `age1...`, so that the process that runs entries does not have the key to the labels. */
export interface SealTo {
  /** The organizer's: opens images and labels. */
  readonly organizer: string;
  /** Opens only the images. */
  readonly images: string;
}

export interface SealedSet {
  /** Content of withheld.age. */
  readonly bytes: Uint8Array;
  /** Description inside the sealed file; not public. */
  readonly info: WithheldInfo;
}

/**
 * Encrypts the withheld images and labels of a Track. Nothing unencrypted is written to disk; the length of the
 * sealed file does not depend on the labels.
 *
 * @throws UserError if the Track is incomplete, a key is not a public key, or both keys are the same
 */
export async function sealTrack(trackDir: string, to: SealTo): Promise<SealedSet> {
  // Checks the keys first, because reading a Track can be slow.
  await checkRecipient('--to', to.organizer);
  await checkRecipient('--images-to', to.images);
  if (to.organizer === to.images) {
    throw new UserError(
      '--to and --images-to are the same key, so the process that runs entries could open the labels. ' +
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
 * Shuffles images and labels together with the system's random numbers, because the order in the Track depends on its
 * sampling seed, which can be guessed.
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
