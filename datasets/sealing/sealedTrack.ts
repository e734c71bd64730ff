import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { createFolder } from '../newFolder.ts';
import { parseNpy } from '../npy.ts';
import { readTrack } from '../readTrack.ts';
import { sha256 } from '../sha256.ts';
import { sha256Schema, trackFiles, trackSchema } from '../track.ts';
import { UserError } from '../userError.ts';
import { recipientPattern } from './age.ts';
import { checkLabels } from './checkLabels.ts';
import { readJson } from './readJson.ts';
import { readWhole } from './readWhole.ts';
import type { SealTo } from './sealTrack.ts';

const recipientSchema = z.string().regex(recipientPattern, 'expected age1 and 58 more characters');

/**
 * A sealed Track: a publishable Track whose withheld half is encrypted.
 *
 *     track.json          described by this module
 *     train/images.npy    uint8 [trainSize, 32, 32, 3]     train/labels.npy   uint8 [trainSize]
 *     withheld.age        see withheldSet.ts
 *
 * It contains neither the sampling seed nor the source, and no hash of an unencrypted withheld file. With these,
 * anyone who has the source could draw the withheld set again or confirm a guess.
 */
export const sealedTrackSchema = trackSchema
  .pick({ name: true, classes: true, imageShape: true, trainSize: true, testSize: true })
  .extend({
    schemaVersion: z.literal(2),
    sha256: z
      .strictObject({ [trackFiles.trainImages]: sha256Schema, [trackFiles.trainLabels]: sha256Schema })
      .describe('hash of each .npy file'),
    sealed: z.strictObject({
      file: z.literal('withheld.age'),
      sha256: sha256Schema,
      organizer: recipientSchema.describe('public key of the identity that opens images and labels'),
      images: recipientSchema.describe('public key of the images key, which opens only the images'),
    }),
  });
export type SealedTrackInfo = z.infer<typeof sealedTrackSchema>;

export interface SealedTrack {
  readonly info: SealedTrackInfo;
  /** The bytes of withheld.age whose hash was checked; for `openImages`. */
  readonly withheld: Uint8Array;
}

/**
 * Writes the public part of a Track to the folder `out`, atomically.
 *
 * @param withheld result of `sealTrack` for the same Track
 * @param to the keys that it was sealed to
 * @param name public name; the Track's own name may reveal source and seed
 * @throws UserError if the Track is incomplete, or `out` is not free or cannot be written
 */
export async function writeSealedTrack(
  out: string,
  { trackDir, withheld, to, name }: { trackDir: string; withheld: Uint8Array; to: SealTo; name?: string },
): Promise<SealedTrackInfo> {
  const { classes, imageShape, trainSize, testSize } = await readTrack(trackDir);
  const images = await readFile(join(trackDir, trackFiles.trainImages));
  const labels = await readFile(join(trackDir, trackFiles.trainLabels));
  const info: SealedTrackInfo = {
    schemaVersion: 2,
    name: name || `Sealed Track: ${classes.length} classes, ${trainSize} + ${testSize} images`,
    classes,
    imageShape,
    trainSize,
    testSize,
    sha256: { [trackFiles.trainImages]: sha256(images), [trackFiles.trainLabels]: sha256(labels) },
    sealed: { file: 'withheld.age', sha256: sha256(withheld), organizer: to.organizer, images: to.images },
  };
  await createFolder(
    out,
    new Map<string, Uint8Array>([
      [trackFiles.info, Buffer.from(`${JSON.stringify(info, null, 2)}\n`)],
      [trackFiles.trainImages, images],
      [trackFiles.trainLabels, labels],
      [info.sealed.file, withheld],
    ]),
    '--public',
  );
  return info;
}

/**
 * Reads a sealed Track and checks every file that its track.json names. It needs no key.
 * @throws UserError that names the file that is missing, malformed or changed
 */
export async function readSealedTrack(dir: string): Promise<SealedTrack> {
  const infoPath = join(dir, trackFiles.info);
  const info = await readJson(infoPath, sealedTrackSchema, {
    kind: 'that of a sealed Track',
    remedy:
      'Seal the Track again with `haet seal TRACK --to KEY --images-to KEY --out withheld.age --public DIR`: ' +
      'Tracks with schemaVersion 1 used one key for images and labels.',
  });
  const readChecked = async (file: string, expected: string): Promise<Buffer> => {
    const path = join(dir, file);
    const { bytes } = await readWhole(path);
    const got = sha256(bytes);
    if (got === expected) return bytes;
    throw new UserError({
      path,
      reason: `has changed since the Track was sealed: its sha256 is ${got}, but ${trackFiles.info} says ${expected}`,
      remedy: 'Download the published sealed Track again.',
    });
  };
  for (const [file, shape] of [
    [trackFiles.trainImages, [info.trainSize, ...info.imageShape]],
    [trackFiles.trainLabels, [info.trainSize]],
  ] as const) {
    const bytes = await readChecked(file, info.sha256[file]);
    const { data } = parseNpy(join(dir, file), bytes, { dtype: 'uint8', shape });
    if (file === trackFiles.trainLabels) checkLabels(join(dir, file), data, info.classes);
  }
  return { info, withheld: await readChecked(info.sealed.file, info.sealed.sha256) };
}
