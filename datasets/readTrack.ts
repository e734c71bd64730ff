import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { describeIssues, describeJsonFault } from './describeJson.ts';
import { readNpy } from './npy.ts';
import { type TrackInfo, trackFiles, trackSchema } from './track.ts';
import { UserError } from './userError.ts';

export type Split = 'train' | 'test';

/** The fields of track.json that the files are checked against; a sealed Track has them too. */
export type TrackSizes = Pick<TrackInfo, 'classes' | 'imageShape' | 'trainSize' | 'testSize'>;

/**
 * Reads track.json of the Track in folder `dir` and checks that every file it names exists and is unchanged.
 *
 * @throws UserError that names the file that is missing, malformed or changed.
 */
export async function readTrack(dir: string): Promise<TrackInfo> {
  const info = await readTrackInfo(dir);
  for (const file of [
    trackFiles.trainImages,
    trackFiles.trainLabels,
    trackFiles.testImages,
    trackFiles.testLabels,
  ]) {
    await checkHash(dir, file, info);
  }
  // Hashes prove that the bytes are unchanged, not that they have the described form: other software may have made
  // the Track.
  for (const split of ['train', 'test'] as const) {
    await readImages(dir, split, info);
    await readLabels(dir, split, info);
  }
  return info;
}

/**
 * Reads the images of one half of a Track.
 *
 * @returns uint8 [size, 32, 32, 3], flat, C order, values 0 to 255
 * @throws UserError
 */
export async function readImages(
  dir: string,
  split: Split,
  info: TrackSizes,
): Promise<Uint8Array<ArrayBuffer>> {
  const file = split === 'train' ? trackFiles.trainImages : trackFiles.testImages;
  const shape = [sizeOf(info, split), ...info.imageShape];
  return (await readNpy(join(dir, file), { dtype: 'uint8', shape })).data;
}

/**
 * Reads the labels of one half; those of `test` are withheld from entries.
 *
 * @returns uint8 [size], each an index into `info.classes`
 * @throws UserError
 */
export async function readLabels(
  dir: string,
  split: Split,
  info: TrackSizes,
): Promise<Uint8Array<ArrayBuffer>> {
  const file = join(dir, split === 'train' ? trackFiles.trainLabels : trackFiles.testLabels);
  const { data } = await readNpy(file, { dtype: 'uint8', shape: [sizeOf(info, split)] });
  const bad = data.findIndex((label) => label >= info.classes.length);
  if (bad !== -1) {
    throw new UserError({
      path: file,
      reason: `label ${data[bad]} at row ${bad} is not one of the ${info.classes.length} classes (expected 0 to ${info.classes.length - 1})`,
      remedy: 'Make the Track again.',
    });
  }
  return data;
}

function sizeOf(info: TrackSizes, split: Split): number {
  return split === 'train' ? info.trainSize : info.testSize;
}

async function readTrackInfo(dir: string): Promise<TrackInfo> {
  const path = join(dir, trackFiles.info);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new UserError({
      path: dir,
      reason: `is not a Track: ${trackFiles.info} cannot be read there (${(error as NodeJS.ErrnoException).code})`,
      remedy: 'Make a Track with `haet data make`.',
    });
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new UserError({
      path,
      reason: `is ${describeJsonFault(error)}`,
      remedy: 'Make the Track again with `haet data make`.',
    });
  }
  const parsed = trackSchema.safeParse(json);
  if (!parsed.success) {
    throw new UserError({
      path,
      reason: `does not describe a Track: ${describeIssues(parsed.error)}`,
      remedy: 'Make the Track again with `haet data make`.',
    });
  }
  return parsed.data;
}

async function checkHash(dir: string, file: string, info: TrackInfo): Promise<void> {
  const path = join(dir, file);
  const expected = info.sha256[file];
  if (expected === undefined) {
    throw new UserError({
      path: join(dir, trackFiles.info),
      reason: `has no sha256 for ${file}`,
      remedy: 'Make the Track again with `haet data make`.',
    });
  }
  const hash = createHash('sha256');
  try {
    await pipeline(createReadStream(path), hash);
  } catch (error) {
    throw new UserError({
      path,
      reason: `cannot be read (${(error as NodeJS.ErrnoException).code})`,
      remedy: 'Make the Track again with `haet data make`.',
    });
  }
  const got = hash.digest('hex');
  if (got !== expected) {
    throw new UserError({
      path,
      reason: `has changed since the Track was made: its sha256 is ${got}, but track.json says ${expected}`,
      remedy: 'Make the Track again with `haet data make`.',
    });
  }
}
