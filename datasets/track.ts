import { z } from 'zod';

export const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/);

/**
 * A Track: a data set split for a contest, as a folder that any language can read.
 *
 *     track.json          described by this module
 *     train/images.npy    uint8 [trainSize, 32, 32, 3]     train/labels.npy   uint8 [trainSize]
 *     test/images.npy     uint8 [testSize, 32, 32, 3]      labels.npy         uint8 [testSize]
 *
 * `labels.npy` contains the withheld labels. It is outside `train/` and `test/`, so that neither folder exposes it.
 */
export const trackSchema = z.strictObject({
  schemaVersion: z.literal(1),
  name: z.string().min(1).describe('human-readable name, e.g. "CIFAR-10, 500 a class, seed 1"'),
  classes: z
    .array(z.string().min(1))
    .min(2)
    .max(256)
    .describe('class names; a label is an index into this list'),
  imageShape: z.tuple([z.literal(32), z.literal(32), z.literal(3)]).describe('height, width, channels'),
  trainSize: z.int().positive(),
  testSize: z.int().positive(),
  seed: z
    .union([z.int().nonnegative(), z.strictObject({ secretSha256: sha256Schema })])
    .describe('sampling seed (the same source and seed give the same bytes), or the sha256 of a secret'),
  source: z.strictObject({
    kind: z.enum(['cifar10', 'fashion-mnist', 'folder', 'parquet', 'csv', 'synthetic', 'training-half']),
    description: z.string(),
    sha256: sha256Schema.describe('fingerprint of all source images and labels, in source order'),
    warnings: z.array(z.string()).optional().describe('doubts about the images, one sentence each'),
  }),
  sha256: z.record(z.string(), sha256Schema).describe('hash of each .npy file, by its path in the Track'),
});
export type TrackInfo = z.infer<typeof trackSchema>;

/** Describes the seed or secret that a Track was drawn with. */
export function describeSeed(seed: TrackInfo['seed']): string {
  return typeof seed === 'number' ? `seed ${seed}` : `the secret with sha256 ${seed.secretSha256}`;
}

/** Names of the files in a Track, relative to its folder. */
export const trackFiles = {
  info: 'track.json',
  trainImages: 'train/images.npy',
  trainLabels: 'train/labels.npy',
  testImages: 'test/images.npy',
  testLabels: 'labels.npy',
} as const;
