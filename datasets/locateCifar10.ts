import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from './cacheFolder.ts';
import { download, Unreachable } from './download.ts';
import { UserError } from './userError.ts';
import { cifar10InUsualPlaces } from './usualPlaces.ts';

/**
 * The archive as published by its authors. The md5 on https://www.cs.toronto.edu/~kriz/cifar.html is
 * c32a1d4ab5d03f1284b67883e8d87530; the sha256 of the same file is the one that other projects pin.
 */
const official = {
  url: 'https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz',
  bytes: 170_052_171,
  sha256: 'c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd',
};

export interface LocateOptions {
  /** A file or folder that the user named; no other place is tried. */
  readonly from?: string | undefined;
  readonly env?: NodeJS.ProcessEnv;
  /** Folder whose `data` is looked at. Default: the working folder. */
  readonly workingFolder?: string;
  /** Copies found earlier that could not be read. */
  readonly passedOver?: readonly string[];
  readonly onProgress?: (received: number, total: number) => void;
  /** The file to download if none is found; null: do not download. Default: the official archive. */
  readonly remote?: { readonly url: string; readonly bytes: number; readonly sha256: string } | null;
}

export interface LocatedCifar10 {
  /** Archive or folder, for `readCifar10`. */
  readonly path: string;
  readonly how: 'named' | 'HAET_CIFAR10' | 'cache' | 'found' | 'downloaded';
}

/**
 * Finds CIFAR-10: in the given place, else in HAET_CIFAR10, else in the cache folder, else where other tools keep it
 * ({@link usualPlaces}), else by download.
 *
 * @returns null if it is not found and its site does not answer within a few seconds
 * @throws UserError if a given place does not exist, or a started download failed
 */
export async function locateCifar10(options: LocateOptions = {}): Promise<LocatedCifar10 | null> {
  const { from, env = process.env, onProgress, remote = official } = options;
  if (from !== undefined) return { path: mustExist(from, '--from'), how: 'named' };
  if (env.HAET_CIFAR10) return { path: mustExist(env.HAET_CIFAR10, 'HAET_CIFAR10'), how: 'HAET_CIFAR10' };
  const path = join(cacheFolder(env), 'cifar-10-binary.tar.gz');
  if (existsSync(path)) return { path, how: 'cache' };
  const found = cifar10InUsualPlaces(env, options.workingFolder).find(
    (each) => !options.passedOver?.includes(each),
  );
  if (found !== undefined) return { path: found, how: 'found' };
  if (remote === null) return null;
  try {
    await download({
      ...remote,
      path,
      ...(onProgress === undefined ? {} : { onProgress }),
    });
  } catch (error) {
    if (error instanceof Unreachable) return null;
    throw error;
  }
  return { path, how: 'downloaded' };
}

function mustExist(path: string, option: string): string {
  if (existsSync(path)) return path;
  throw new UserError({
    option,
    path,
    reason: 'does not exist',
    remedy: 'Give cifar-10-binary.tar.gz or cifar-10-python.tar.gz, the folder of either, or Parquet files.',
  });
}
