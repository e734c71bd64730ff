import { z } from 'zod';
import { sha256Schema, trackSchema } from '../track.ts';

/**
 * The withheld set of a Track, sealed: one file, by habit withheld.age, in the age format (https://age-encryption.org/v1).
 *
 *     withheld.age          opened by the images key and by the organizer's identity; within, a tar archive of
 *       track.json          what this module describes
 *       images.npy          uint8 [testSize, 32, 32, 3]
 *       labels.npy.age      the labels, for the organizer's identity alone; within, labels.npy: uint8 [testSize]
 *
 * What opens the images, for an entry to predict, cannot open the labels. The rows stand in an order of their own,
 * drawn at sealing and kept nowhere.
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
    // Of the labels as encrypted: whoever opens the images could find few labels again from a hash of them in clear.
    sha256: z
      .strictObject({ [withheldFiles.images]: sha256Schema, [withheldFiles.labels]: sha256Schema })
      .describe('hash of each file beside this one'),
  });
export type WithheldInfo = z.infer<typeof withheldInfoSchema>;
