import { readdir } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { trackFiles } from '../track.ts';
import { UserError } from '../userError.ts';
import { readSealedTrack, type SealedTrackInfo } from './sealedTrack.ts';

/** The files and folders of a sealed Track. */
const expected = new Set([
  trackFiles.info,
  trackFiles.trainImages,
  trackFiles.trainLabels,
  dirname(trackFiles.trainImages),
  'withheld.age',
]);

/**
 * Checks that a folder can be published: a complete sealed Track and nothing else, so no unencrypted labels or test
 * images and no key.
 *
 * @throws UserError that names the first file that is unexpected, missing, malformed or changed
 */
export async function checkPublic(dir: string): Promise<SealedTrackInfo> {
  const found = await readdir(dir, { withFileTypes: true, recursive: true }).catch(() => []);
  for (const each of found) {
    const path = relative(dir, join(each.parentPath, each.name));
    if (expected.has(path) && (each.isFile() || each.isDirectory())) continue;
    throw new UserError({
      path: dir,
      reason: `contains ${JSON.stringify(path)}, which is not part of a sealed Track and may reveal withheld data`,
      remedy:
        'Give the folder that `haet seal TRACK --to KEY --images-to KEY --out withheld.age --public DIR` made, unchanged.',
    });
  }
  return (await readSealedTrack(dir)).info;
}
