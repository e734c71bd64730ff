import { z } from 'zod';

/** Limits of the archive of an entry. */
export const archiveLimitsSchema = z.strictObject({
  archiveBytes: z
    .int()
    .positive()
    .default(100 * 2 ** 20)
    .describe('size of the archive in bytes'),
  unpackedBytes: z
    .int()
    .positive()
    .default(500 * 2 ** 20)
    .describe('size of all files together in bytes'),
  members: z.int().positive().default(10_000).describe('number of files and folders'),
  depth: z.int().positive().default(20).describe('nesting of folders'),
  pathBytes: z.int().positive().default(1000).describe('length of a path in bytes'),
  ratio: z
    .int()
    .positive()
    .default(100)
    .describe('ratio of the unpacked size to the size of the archive, above 64 MiB of unpacked size'),
});
export type ArchiveLimits = z.infer<typeof archiveLimitsSchema>;

/** Unpacked bytes up to which the ratio is not limited: small files of zeros are no bomb, however well they are packed. */
const smallBytes = 64 * 2 ** 20;

/** Returns the largest ratio of unpacked size to archive size that an archive of this size may have. */
export function ratioOf({ ratio }: ArchiveLimits, archiveBytes: number): number {
  return Math.max(ratio, smallBytes / Math.max(1, archiveBytes));
}
