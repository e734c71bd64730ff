import { readdir } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { trackFiles } from '../track.ts';
import { UserError } from '../userError.ts';
import { readSealedTrack, type SealedTrackInfo } from './sealedTrack.ts';

/** All that a sealed Track holds: files, and the folder of some. */
const expected = new Set([
  trackFiles.info,
  trackFiles.trainImages,
  trackFiles.trainLabels,
  dirname(trackFiles.trainImages),
  'withheld.age',
]);

/**
 * Checks that a folder may be given to anyone: a whole sealed Track and nothing else, so neither labels nor test images
 * in clear, nor a key.
 *
 * @throws UserError naming the first file that must not be there, is missing, malformed or changed
 */
export async function checkPublic(dir: string): Promise<SealedTrackInfo> {
  const found = await readdir(dir, { withFileTypes: true, recursive: true }).catch(() => []);
  for (const each of found) {
    const path = relative(dir, join(each.parentPath, each.name));
    if (expected.has(path) && (each.isFile() || each.isDirectory())) continue;
    throw new UserError({
      path: dir,
      reason: `holds ${JSON.stringify(path)}, which is no part of a sealed Track and may tell what is withheld`,
      remedy:
        'Give the folder that `haet seal TRACK --to KEY --images-to KEY --out withheld.age --public DIR` made, as it was made.',
    });
  }
  return (await readSealedTrack(dir)).info;
}
