import { z } from 'zod';
import { sha256Schema, trackSchema } from '../track.ts';

/**
 * The sealed withheld set of a Track: one file, usually withheld.age, in the age format
 * (https://age-encryption.org/v1).
 *
 *     withheld.age          opened by the images key or the identity; contains a tar archive of
 *       track.json          described by this module images.npy          uint8 [testSize, 32, 32, 3] labels.npy.age
 *       opened by the identity only; contains labels.npy: uint8 [testSize]
 *
 * The key that opens the images cannot open the labels. The rows are in an order that is drawn at sealing and not
 * stored.
 */
export const withheldFiles = {
  info: 'track.json',
  images: 'images.npy',
  labels: 'labels.npy.age',
} as const;

export const withheldInfoSchema = trackSchema
  .pick({
    schemaVersion: true,
    name: true,
    classes: true,
    imageShape: true,
    testSize: true,
    seed: true,
    source: true,
  })
  .extend({
    // Hash of the encrypted labels: with a hash of the plain labels, anyone who opens the images could find labels by
    // trial.
    sha256: z
      .strictObject({ [withheldFiles.images]: sha256Schema, [withheldFiles.labels]: sha256Schema })
      .describe('hash of each file beside this one'),
  });
export type WithheldInfo = z.infer<typeof withheldInfoSchema>;
