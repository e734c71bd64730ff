import { availableParallelism } from 'node:os';
import { basename, resolve } from 'node:path';
import pMap from 'p-map';
import { IMAGE_BYTES, type LabelledImages, type Source, type TestFrom } from '../source.ts';
import { UserError } from '../userError.ts';
import { decodeImage } from './folder/decodeImage.ts';
import { errorOf, type Fault, MOST_LISTED, sortFaults, writeList } from './folder/fault.ts';
import { openSource } from './folder/openSource.ts';
import type { Picture, Plan } from './folder/plan.ts';
import { planByFolders } from './folder/planByFolders.ts';
import { planByTable } from './folder/planByTable.ts';

export interface ImageFolderOptions {
  readonly from: string;
  /** Table of file names and labels; without it the folders give the classes. */
  readonly labels?: string | undefined;
  /** Heading of the table's column with the labels, if it is not a usual one. */
  readonly labelColumn?: string | undefined;
  /** Heading of the table's column with the file names, if several may be it. */
  readonly imageColumn?: string | undefined;
  /** Where held-out images come from if the source has a given split; default: its held-out half. */
  readonly testFrom?: TestFrom | undefined;
  /** Leave out the files that cannot be read instead of failing. */
  readonly skipUnreadable?: boolean | undefined;
  /** File that gets the list of faults if it is too long to be printed. */
  readonly listTo?: string | undefined;
  /** File that gets the list of images without a row in the table if it is too long to be printed. */
  readonly unlabelledTo?: string | undefined;
}

/**
 * Reads a folder of images in the formats of imageFormats.ts. The classes are given by its folders, `from`/CLASS/IMAGE,
 * with a split as `from`/train/CLASS/IMAGE beside `from`/test/CLASS/IMAGE, or by a table of labels. Classes and images
 * are sorted by name (by code unit, independent of the locale).
 *
 * All names are looked at first, then all images are decoded, then all faults are reported together.
 *
 * Each image is rotated by its EXIF orientation, converted to sRGB, composited on white, and cropped and scaled to a
 * centred 32 x 32 square.
 *
 * @throws UserError that names the files and folders and what is wrong with them
 */
export async function readImageFolder(options: ImageFolderOptions): Promise<Source> {
  const { from, labels, testFrom, listTo } = options;
  const opened = await openSource(from);
  const plan =
    labels === undefined ? await planByFolders(opened) : await planByTable(opened, { ...options, labels });
  const isTestUsed = plan.test !== undefined && testFrom !== 'batches';
  if (testFrom === 'test' && !isTestUsed) {
    throw new UserError({
      option: '--test-from test',
      reason: `${from} has no given split: no test or val folder beside a train folder`,
      remedy: 'Omit --test-from.',
    });
  }
  const train = await decodeAll(plan.train);
  const test = isTestUsed ? await decodeAll(plan.test!) : undefined;
  const faults = sortFaults([...plan.faults, ...train.faults, ...(test?.faults ?? [])]);
  const emptied = options.skipUnreadable ? emptiedClasses(plan, train.set, test?.set) : [];
  if (faults.length > 0 && !(options.skipUnreadable && faults.every((fault) => fault.canBeSkipped))) {
    throw await errorOf(from, labels === undefined ? 'files or folders' : 'files or rows', faults, listTo);
  }
  if (emptied.length > 0) {
    throw new UserError({
      path: from,
      reason: `no readable image is left of ${emptied.map((name) => `"${name}"`).join(', ')}`,
      remedy: 'Replace the files that cannot be read.',
    });
  }
  return {
    kind: 'folder',
    description: `images in ${basename(resolve(from))}${isTestUsed || labels !== undefined ? plan.how : ''}`,
    classes: plan.classes,
    train: train.set,
    ...(test === undefined ? {} : { test: test.set }),
    trackWarnings: leftOut(faults),
    warnings: [...plan.warnings, ...(await leftOutList(faults, listTo))],
  };
}

/** Decodes images in the order given. Those that cannot be decoded are reported and left out. */
async function decodeAll(pictures: readonly Picture[]): Promise<{ set: LabelledImages; faults: Fault[] }> {
  const images = new Uint8Array(pictures.length * IMAGE_BYTES);
  const results = await pMap(
    pictures,
    async ({ place }, index): Promise<Fault | null> => {
      try {
        images.set(
          await decodeImage(place.isText ? place.path.toString() : place.path, place.shown),
          index * IMAGE_BYTES,
        );
        return null;
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        const { reason, remedy = '' } = error;
        return { shown: place.shown, within: place.within, reason, remedy, canBeSkipped: true };
      }
    },
    { concurrency: availableParallelism() },
  );
  const kept = [...results.keys()].filter((index) => results[index] === null);
  // Closes the gaps in place.
  for (const [row, index] of kept.entries()) {
    images.copyWithin(row * IMAGE_BYTES, index * IMAGE_BYTES, (index + 1) * IMAGE_BYTES);
  }
  return {
    set: {
      images: images.subarray(0, kept.length * IMAGE_BYTES),
      labels: Uint8Array.from(kept, (index) => pictures[index]!.label),
      names: kept.map((index) => pictures[index]!.place.within),
    },
    faults: results.filter((fault) => fault !== null),
  };
}

/** Returns the names of the classes that a half of the source had and has no readable image of. */
function emptiedClasses(plan: Plan, train: LabelledImages, test: LabelledImages | undefined): string[] {
  const lost = (pictures: readonly Picture[], set: LabelledImages) => {
    const left = new Set(set.labels);
    return pictures.map(({ label }) => label).filter((label) => !left.has(label));
  };
  const labels = [
    ...lost(plan.train, train),
    ...(test === undefined || plan.test === undefined ? [] : lost(plan.test, test)),
  ];
  return [...new Set(labels)].map((label) => plan.classes[label]!);
}

/** Returns one sentence for each file that was left out, 20 at most, and one for the others. */
function leftOut(faults: readonly Fault[]): string[] {
  const more = faults.length - MOST_LISTED;
  return [
    ...faults.slice(0, MOST_LISTED).map(({ within, reason }) => `Left out ${within}: ${reason}.`),
    ...(more > 0 ? [`Left out ${more} more files that cannot be read.`] : []),
  ];
}

async function leftOutList(faults: readonly Fault[], listTo: string | undefined): Promise<string[]> {
  if (faults.length <= MOST_LISTED || listTo === undefined) return [];
  return (await writeList(faults, listTo)) ? [`The list of all files left out is in ${listTo}.`] : [];
}
