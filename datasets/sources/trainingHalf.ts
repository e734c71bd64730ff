import { readImages, readLabels, type TrackSizes } from '../readTrack.ts';
import type { Source } from '../source.ts';

/**
 * The training half of a Track as a source of its own, to draw a Track from whose withheld half may be known: what is
 * sealed stays so.
 *
 * @throws UserError when the files are not what track.json says
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
