import { IMAGE_BYTES } from '../../source.ts';
import { UserError } from '../../userError.ts';
import type { TableImages } from '../tableSource.ts';
import type { ParquetOptions } from './readParquetFile.ts';
import { type ParquetLimits, parquetLimits, receiveParquet } from './receiveParquet.ts';

/** Images of a file, as they come in. */
interface Part {
  readonly images: Uint8Array;
  readonly labels: (string | number)[];
  readonly names: readonly string[] | null;
}

/**
 * Reads the images and labels of Parquet files in a process of its own: the library that reads them believes the
 * lengths in a file, so that a damaged or hostile one can make it run for ever or use up the memory.
 *
 * @throws UserError that names the file, the row and what is wrong
 */
export async function readParquet(
  paths: readonly string[],
  options: ParquetOptions,
  limits: ParquetLimits = parquetLimits(),
): Promise<TableImages> {
  const parts: Part[] = [];
  await receiveParquet({ paths, options }, limits, (content) => {
    if (content.kind === 'start') {
      const images = new Uint8Array(content.rows * IMAGE_BYTES);
      parts.push({ images, labels: [], names: content.names });
      return;
    }
    const { images, labels } = parts.at(-1)!;
    images.set(content.images, labels.length * IMAGE_BYTES);
    for (const label of content.labels) labels.push(label);
  });
  const names = parts[0]?.names ?? null;
  const other = parts.findIndex((part) => (part.names ?? []).join('\n') !== (names ?? []).join('\n'));
  if (other !== -1) {
    throw new UserError({
      path: paths[other]!,
      reason: `names other classes than ${paths[0]}`,
      remedy: 'Give files of one data set.',
    });
  }
  return {
    images:
      parts.length === 1
        ? parts[0]!.images
        : new Uint8Array(Buffer.concat(parts.map(({ images }) => images))),
    labels: parts.flatMap(({ labels }) => labels),
    names,
  };
}
