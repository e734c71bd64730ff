import type { DistinctImages, EqualPair } from './distinctImages.ts';
import { imageAt, type Source } from './source.ts';
import { UserError } from './userError.ts';

/** Share of a class that may be skipped without a question. */
const MOST_SKIPPED = 0.1;

/** Returns the names of two images with the same pixels; undefined if there are none or the source has no names. */
export function namesOfPair(source: Source, distinct: DistinctImages): [string, string] | undefined {
  const example = distinct.classes.find((each) => each.example !== undefined)?.example;
  return example === undefined ? undefined : pairNames(source, example);
}

/**
 * Rejects a source of named images if more than a tenth of a class would be skipped. Such files are rarely copies: most
 * often different drawings became equal when they were decoded.
 *
 * @throws UserError that names two files of each such class
 */
export function refuseCopies(source: Source, distinct: DistinctImages): void {
  const found = distinct.classes.flatMap(({ images, skipped, example }, label) => {
    const names = example && pairNames(source, example);
    return skipped > images * MOST_SKIPPED && names !== undefined
      ? [{ label, images, skipped, names, isPlain: isPlain(source, example!) }]
      : [];
  });
  if (found.length === 0) return;
  const lines = found.map(
    ({ label, images, skipped, names: [one, other] }) =>
      `${skipped} of ${images} images of "${source.classes[label]}" have the same pixels as another once decoded, such as ${one} and ${other}`,
  );
  const [first, ...others] = lines;
  throw new UserError({
    reason: `${source.description}: ${first}`,
    ...(others.length > 0 ? { details: others } : {}),
    remedy:
      (found.some((each) => each.isPlain)
        ? 'These images decode to one plain colour: transparent parts become white, so a white drawing disappears; lay it on another colour first. '
        : 'Images are decoded to 32 x 32 pixels on white: look at these files. ') +
      'To keep one of each and skip the others, add --allow-copies.',
  });
}

function pairNames(source: Source, [one, other]: EqualPair): [string, string] | undefined {
  const names = [one, other].map(({ split, index }) => source[split]?.names?.[index]);
  return names.every((name) => name !== undefined) ? (names as [string, string]) : undefined;
}

/** Returns whether all pixels of the two images have one colour. */
function isPlain(source: Source, [{ split, index }]: EqualPair): boolean {
  const image = imageAt(source[split]!, index);
  return image.every((value, at) => value === image[at % 3]);
}
