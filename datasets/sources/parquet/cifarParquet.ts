import type { LabelledImages } from '../../source.ts';
import { UserError } from '../../userError.ts';
import { cifarClasses, cifarRemedy } from '../cifarClasses.ts';
import { splitTables } from '../tableFiles.ts';
import { readParquet } from './readParquet.ts';

/**
 * Reads CIFAR-10 from Parquet files as hubs have it. Flat lists of values are in CIFAR-10's own order, by planes.
 *
 * @param from a file with the training images, or a folder with files named train and test
 * @throws UserError
 */
export async function readParquetCifar(
  from: string,
  withTest: boolean,
): Promise<{ train: LabelledImages; test: LabelledImages | null }> {
  const files = await splitTables(from, 'parquet', cifarRemedy);
  if (withTest && files.test.length === 0) {
    throw new UserError({
      path: from,
      reason: 'has no Parquet file named test',
      remedy: 'Omit --test-from test, or give the folder with both files.',
    });
  }
  return { train: await readSet(files.train), test: withTest ? await readSet(files.test) : null };
}

async function readSet(paths: readonly string[]): Promise<LabelledImages> {
  const { images, labels, names } = await readParquet(paths, { pixelOrder: 'planes' });
  if (names !== null && names.join() !== cifarClasses.join()) {
    throw new UserError({
      path: paths[0]!,
      reason: `names the classes ${names.slice(0, 12).join(', ').slice(0, 200)}; expected ${cifarClasses.join(', ')}`,
      remedy: 'Use --source parquet for other data sets.',
    });
  }
  const numbers = labels.map((label) =>
    typeof label === 'number' ? label : (cifarClasses as readonly string[]).indexOf(label),
  );
  const bad = numbers.findIndex((label) => !(label in cifarClasses));
  if (bad !== -1) {
    throw new UserError({
      path: paths[0]!,
      reason: `image ${bad} has the label ${labels[bad]}; expected 0 to 9, or a class of CIFAR-10`,
      remedy: 'Use --source parquet for other data sets.',
    });
  }
  return { images, labels: Uint8Array.from(numbers) };
}
