import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { cacheFolder } from '../datasets/cacheFolder.ts';
import { type LocateOptions, locateCifar10 } from '../datasets/locateCifar10.ts';
import { makeTrack } from '../datasets/makeTrack.ts';
import { readTrack } from '../datasets/readTrack.ts';
import type { Source } from '../datasets/source.ts';
import { readCifar10 } from '../datasets/sources/cifar10.ts';
import type { TrackInfo } from '../datasets/track.ts';
import { UserError } from '../datasets/userError.ts';
import { usualPlaces } from '../datasets/usualPlaces.ts';
import { withDownloadView } from './downloadView.ts';
import type { Say } from './terminal.ts';

export interface TrackChoice {
  /** Folder of an existing Track. */
  readonly track?: string | undefined;
  /** Path of a local CIFAR-10. */
  readonly from?: string | undefined;
  readonly testPerClass: number;
}

type Where = Pick<LocateOptions, 'env' | 'workingFolder' | 'remote'>;

const trainPerClass = 500;
/** Fixed, so that training seeds are compared on the same images. */
const samplingSeed = 1;

/**
 * Returns the Track for a dry run: the given one, or one drawn from CIFAR-10 if it is found or can be downloaded, or
 * one of synthetic images. Drawn Tracks are kept in the cache folder.
 * @param tell prints a message
 * @param where CIFAR-10 is looked for; default: as {@link locateCifar10}
 * @throws UserError
 */
export async function prepareTrack(
  choice: TrackChoice,
  tell: Say,
  where: Where = {},
): Promise<{ dir: string; info: TrackInfo }> {
  if (choice.track !== undefined) {
    const dir = resolve(choice.track);
    return { dir, info: await readTrack(dir) };
  }
  const cifar10 = await drawnFromCifar10(choice, tell, where);
  if (cifar10 !== null) return cifar10;
  tell(
    ...[
      '',
      '  NOTE: CIFAR-10 was not found and cannot be downloaded: this run uses SYNTHETIC images.',
      '  Its score shows that everything works; it is not comparable with scores on CIFAR-10.',
      '  Its binary version, Python version and Parquet files were looked for in:',
      ...[cacheFolder(where.env), ...usualPlaces(where.env, where.workingFolder)].map(
        (place) => `    ${place}`,
      ),
      '  To use CIFAR-10: --from FILE, or HAET_CIFAR10=FILE, with FILE its cifar-10-binary.tar.gz, for example.',
      '',
    ],
  );
  return drawn(['synthetic', '1'], choice.testPerClass, where.env, async () => {
    const { readSynthetic } = await import('../datasets/sources/synthetic.ts');
    return readSynthetic({ perClass: trainPerClass + choice.testPerClass, seed: samplingSeed });
  });
}

/** Returns null if CIFAR-10 is not found. A copy in a usual place that cannot be read is passed over with a message. */
async function drawnFromCifar10(
  choice: TrackChoice,
  tell: Say,
  where: Where,
): Promise<{ dir: string; info: TrackInfo } | null> {
  const passedOver: string[] = [];
  for (;;) {
    const cifar10 = await withDownloadView('CIFAR-10', process.stderr, (onProgress) =>
      locateCifar10({ ...where, from: choice.from, onProgress, passedOver }),
    );
    if (cifar10 === null) return null;
    let unreadable: unknown = null;
    try {
      const track = await drawn(['cifar10', await stamp(cifar10.path)], choice.testPerClass, where.env, () =>
        readCifar10({ from: cifar10.path, testFrom: 'batches' }).catch((error) => {
          unreadable = error;
          throw error;
        }),
      );
      tell(`Data: CIFAR-10 from ${cifar10.path}.`);
      return track;
    } catch (error) {
      if (error !== unreadable || !(error instanceof UserError) || cifar10.how !== 'found') throw error;
      tell(`Passed over: ${error.sentence}.`);
      passedOver.push(cifar10.path);
    }
  }
}

/** Reads the Track from the cache, or draws it if it is missing or damaged. */
async function drawn(
  identity: string[],
  testPerClass: number,
  env: NodeJS.ProcessEnv | undefined,
  read: () => Promise<Source>,
): Promise<{ dir: string; info: TrackInfo }> {
  const name = `${identity.join('-')}-${trainPerClass}-${testPerClass}-s${samplingSeed}`;
  const dir = join(cacheFolder(env), 'tracks', name);
  if (existsSync(dir)) {
    try {
      return { dir, info: await readTrack(dir) };
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      await rm(dir, { recursive: true, force: true });
    }
  }
  const options = { trainPerClass, testPerClass, seed: samplingSeed, out: dir };
  try {
    return { dir, info: (await makeTrack(await read(), options)).info };
  } catch (error) {
    // Another run may have drawn the same Track in the meantime.
    if (error instanceof UserError && existsSync(dir)) return { dir, info: await readTrack(dir) };
    throw error;
  }
}

/** Identifies a version of a source without reading all of it. */
async function stamp(path: string): Promise<string> {
  const { size, mtimeMs } = await stat(path);
  return createHash('sha256')
    .update(`${resolve(path)}\0${size}\0${mtimeMs}`)
    .digest('hex')
    .slice(0, 12);
}
