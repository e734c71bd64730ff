import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { cacheFolder } from '../datasets/cacheFolder.ts';
import { type LocateOptions, locateCifar10 } from '../datasets/locateCifar10.ts';
import { makeTrack } from '../datasets/makeTrack.ts';
import { readTrack } from '../datasets/readTrack.ts';
import type { Source } from '../datasets/source.ts';
import { readCifar10 } from '../datasets/sources/cifar10.ts';
import { readSynthetic, syntheticVersion } from '../datasets/sources/synthetic.ts';
import { codeAndMeaning } from '../datasets/systemError.ts';
import type { TrackInfo } from '../datasets/track.ts';
import { UserError } from '../datasets/userError.ts';
import { usualPlaces } from '../datasets/usualPlaces.ts';
import { whyNotWritable } from '../datasets/whyNotWritable.ts';
import { makeOwnFolder } from '../evaluator/sandbox/ownNames.ts';
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

/** A Track on disk. */
export interface PreparedTrack {
  readonly dir: string;
  readonly info: TrackInfo;
  /** Removes it, if it was drawn for this run only. */
  close(): Promise<void>;
}

/**
 * Returns the Track for a dry run: the given one, or one drawn from CIFAR-10 if it is found or can be downloaded, or
 * one of synthetic images. Drawn Tracks are kept in the cache folder, if this user can write there.
 * @param tell prints a message
 * @param where CIFAR-10 is looked for; default: as {@link locateCifar10}
 * @throws UserError
 */
export async function prepareTrack(
  choice: TrackChoice,
  tell: Say,
  where: Where = {},
): Promise<PreparedTrack> {
  if (choice.track !== undefined) {
    const dir = resolve(choice.track);
    return kept(dir, await readTrack(dir));
  }
  const cifar10 = await drawnFromCifar10(choice, tell, where);
  if (cifar10 !== null) return cifar10;
  tell(
    ...[
      '',
      '  NOTE: CIFAR-10 was not found and cannot be downloaded: this run uses SYNTHETIC images.',
      '  They are about as hard as CIFAR-10, but scores on them are not comparable with scores on CIFAR-10.',
      '  Its binary version, Python version and Parquet files were looked for in:',
      ...[...cacheFolders(where.env), ...usualPlaces(where.env, where.workingFolder)].map(
        (place) => `    ${place}`,
      ),
      '  To use CIFAR-10: --from FILE, or HAET_CIFAR10=FILE, with FILE its cifar-10-binary.tar.gz, for example.',
      '',
    ],
  );
  const read = () => readSynthetic({ perClass: trainPerClass + choice.testPerClass, seed: samplingSeed });
  return drawn(['synthetic', String(syntheticVersion)], choice.testPerClass, where.env, read, tell);
}

const kept = (dir: string, info: TrackInfo): PreparedTrack => ({ dir, info, close: async () => {} });

/** Returns null if CIFAR-10 is not found. A copy in a usual place that cannot be read is passed over with a message. */
async function drawnFromCifar10(choice: TrackChoice, tell: Say, where: Where): Promise<PreparedTrack | null> {
  const passedOver: string[] = [];
  for (;;) {
    const cifar10 = await withDownloadView('CIFAR-10', process.stderr, (onProgress) =>
      locateCifar10({ ...where, from: choice.from, onProgress, passedOver }),
    );
    if (cifar10 === null) return null;
    let unreadable: unknown = null;
    try {
      const read = () =>
        readCifar10({ from: cifar10.path, testFrom: 'batches' }).catch((error) => {
          unreadable = error;
          throw error;
        });
      const identity = ['cifar10', await stamp(cifar10.path)];
      const track = await drawn(identity, choice.testPerClass, where.env, read, tell);
      tell(`Data: CIFAR-10 from ${cifar10.path}.`);
      return track;
    } catch (error) {
      if (error !== unreadable || !(error instanceof UserError) || cifar10.how !== 'found') throw error;
      tell(`Passed over: ${error.sentence}.`);
      passedOver.push(cifar10.path);
    }
  }
}

/**
 * Reads the Track from the cache, or draws it if it is missing or damaged. A cache that this user cannot write to, such
 * as another user's, is read only: what is missing there is drawn into a temporary folder.
 */
async function drawn(
  identity: string[],
  testPerClass: number,
  env: NodeJS.ProcessEnv | undefined,
  read: () => Promise<Source>,
  tell: Say,
): Promise<PreparedTrack> {
  const draw = async (out: string) => {
    const options = { trainPerClass, testPerClass, seed: samplingSeed, out };
    return (await makeTrack(await read(), options)).info;
  };
  try {
    const name = `${identity.join('-')}-${trainPerClass}-${testPerClass}-s${samplingSeed}`;
    const dir = join(cacheOfTracks(env), name);
    const existing = await readTrack(dir).catch(() => null);
    if (existing !== null) return kept(dir, existing);
    await makeRoom(dir);
    return kept(dir, await drawInto(dir, draw));
  } catch (error) {
    if (!(error instanceof NoCache)) throw error;
    tell(
      `The Track is drawn for this run only: ${error.sentence}. To keep it, set HAET_CACHE to a folder that you can write to.`,
    );
    return drawForThisRun(draw);
  }
}

/** Returns the cache folder; nothing if there is none. */
function cacheFolders(env: NodeJS.ProcessEnv | undefined): string[] {
  try {
    return [cacheFolder(env)];
  } catch {
    return [];
  }
}

/** The cache folder cannot be written to, or there is none. */
class NoCache extends UserError {}

function cacheOfTracks(env: NodeJS.ProcessEnv | undefined): string {
  try {
    return join(cacheFolder(env), 'tracks');
  } catch (error) {
    throw error instanceof UserError ? new NoCache(error) : error;
  }
}

/**
 * Removes a damaged Track.
 * @throws NoCache if it cannot be removed, or no Track can be made there
 */
async function makeRoom(dir: string): Promise<void> {
  const path = dirname(dir);
  const obstacle =
    (await whyNotWritable(path)) ??
    (await rm(dir, { recursive: true, force: true }).then(() => null, codeAndMeaning));
  if (obstacle !== null) throw new NoCache({ path, reason: `cannot be written to (${obstacle})` });
}

async function drawInto(dir: string, draw: (out: string) => Promise<TrackInfo>): Promise<TrackInfo> {
  try {
    return await draw(dir);
  } catch (error) {
    // Another run may have drawn the same Track in the meantime.
    if (error instanceof UserError && existsSync(dir)) return readTrack(dir);
    throw error instanceof UserError && error.path === dir ? inCache(error) : error;
  }
}

async function drawForThisRun(draw: (out: string) => Promise<TrackInfo>): Promise<PreparedTrack> {
  const scratch = await makeOwnFolder('track');
  const close = () => rm(scratch, { recursive: true, force: true });
  try {
    await chmod(scratch, 0o711); // the entry may run as another user and does not need to list this folder
    const dir = join(scratch, 'track');
    return { dir, info: await draw(dir), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Nobody gave --out for a Track in the cache. */
function inCache({ path, reason }: UserError): UserError {
  return new UserError({
    option: 'the cache folder',
    path,
    reason,
    remedy: 'Free space there, or set HAET_CACHE to a folder on another disk.',
  });
}

/** Identifies a version of a source without reading all of it. */
async function stamp(path: string): Promise<string> {
  const { size, mtimeMs } = await stat(path);
  return createHash('sha256')
    .update(`${resolve(path)}\0${size}\0${mtimeMs}`)
    .digest('hex')
    .slice(0, 12);
}
