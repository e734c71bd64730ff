import { readImages, readLabels, type TrackSizes } from '../readTrack.ts';
import type { Source } from '../source.ts';

/**
 * Returns the training half of a Track as a source, to draw a Track with a public held-out half; the sealed set stays
 * closed.
 *
 * @throws UserError if the files do not match track.json
 */
export async function readTrainingHalf(
  dir: string,
  info: TrackSizes & { readonly name: string },
): Promise<Source> {
  return {
    kind: 'training-half',
    description: `training half of: ${info.name}`,
    classes: info.classes,
    train: {
      images: await readImages(dir, 'train', info),
      labels: await readLabels(dir, 'train', info),
    },
  };
}
