import { z } from 'zod';

/** What the archive of an entry may be. */
export const archiveLimitsSchema = z.strictObject({
  archiveBytes: z
    .int()
    .positive()
    .default(100 * 2 ** 20)
    .describe('size of the archive itself'),
  unpackedBytes: z
    .int()
    .positive()
    .default(500 * 2 ** 20)
    .describe('bytes of all files together'),
  members: z.int().positive().default(10_000).describe('files and folders'),
  depth: z.int().positive().default(20).describe('folders within folders'),
  pathBytes: z.int().positive().default(1000).describe('length of a path within the archive'),
  ratio: z.int().positive().default(100).describe('times that the archive grows when it is unpacked'),
});
export type ArchiveLimits = z.infer<typeof archiveLimitsSchema>;
