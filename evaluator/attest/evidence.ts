import { existsSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { describeFault } from '../../datasets/describeFault.ts';
import { type LabelsKey, openWithLabelsKey } from '../../datasets/sealing/labelsKey.ts';
import { readWhole } from '../../datasets/sealing/readWhole.ts';
import { sha256 } from '../../datasets/sha256.ts';
import { trackFiles } from '../../datasets/track.ts';
import { UserError } from '../../datasets/userError.ts';
import { hashFile } from '../intake/hashFile.ts';
import type { ScoreDetails } from '../run/record.ts';
import { type ParsedPredictions, parsePredictions } from '../score/readPredictions.ts';
import { score } from '../score/score.ts';
import { rescoreFault } from './consistency/score.ts';
import type { Digests, OfficialRecord } from './officialRecord.ts';
import { DoesNotHold } from './signedRecord.ts';

/** Files given to verify a record; each is compared with its digest. */
export interface GivenFiles {
  readonly archive?: string;
  readonly predictions?: string;
  /** withheld.age. */
  readonly sealed?: string;
  /** Folder of the Track, possibly without the withheld half. */
  readonly track?: string;
}

const digestOf = { archive: 'archive', predictions: 'predictions', sealed: 'sealedSet' } as const;
export type SingleFile = keyof typeof digestOf;
export const singleFiles = Object.keys(digestOf) as SingleFile[];

/**
 * Compares a file with its digest.
 * @throws DoesNotHold; UserError if the file cannot be read
 */
export async function checkFile(kind: SingleFile, path: string, { digests }: OfficialRecord): Promise<void> {
  await compare(path, digests[digestOf[kind]]);
}

/**
 * Compares the training half, and the test images if both have them.
 * @throws DoesNotHold; UserError if a file cannot be read
 */
export async function checkTrack(folder: string, { digests, record }: OfficialRecord): Promise<void> {
  const files: [string, Digests['trainImages']][] = [
    [trackFiles.trainImages, digests.trainImages],
    [trackFiles.trainLabels, digests.trainLabels],
  ];
  const named: Record<string, string> = record.track?.sha256 ?? {};
  const testImages = named[trackFiles.testImages];
  if (testImages !== undefined && existsSync(join(folder, trackFiles.testImages))) {
    files.push([trackFiles.testImages, testImages]);
  }
  for (const [file, digest] of files) await compare(join(folder, file), digest);
}

async function compare(path: string, digest: string | null): Promise<void> {
  const got = await hashGiven(path).catch((error) => {
    throw new UserError({
      path,
      reason: `cannot be read (${describeFault(error)})`,
      remedy: 'Give a readable regular file.',
    });
  });
  if (digest === null) throw new DoesNotHold(`the record has no digest for ${path}`);
  if (got !== digest) throw new DoesNotHold(`${path} has sha256 ${got}, but the record says ${digest}`);
}

/** The user's own symbolic links are followed. */
const hashGiven = async (path: string) => hashFile(await realpath(path));

/**
 * Opens the labels of the sealed set that a run was scored on.
 * @param sealed path of withheld.age
 * @returns uint8 [testSize], each an index into the Track's classes
 * @throws DoesNotHold if file or key do not belong to that set; UserError if the file cannot be read
 */
export async function openLabelsOf(
  { record, digests }: OfficialRecord,
  sealed: string,
  labelsKey: LabelsKey,
): Promise<Uint8Array> {
  if (labelsKey.sealedSha256 !== digests.sealedSet) {
    throw new DoesNotHold(
      `the labels key opens the sealed set with sha256 ${labelsKey.sealedSha256}, but the record says ${digests.sealedSet ?? 'that none was used'}`,
    );
  }
  const withheld = await readWithDigest(sealed, digests.sealedSet);
  const { info, labels } = await openWithLabelsKey(withheld, labelsKey, sealed).catch((error) => {
    throw error instanceof UserError ? new DoesNotHold(error.sentence) : error;
  });
  if (record.track?.classes.join('\0') !== info.classes.join('\0')) {
    throw new DoesNotHold('the classes of the sealed set differ from those of the record’s Track');
  }
  return labels;
}

/**
 * Scores the predictions of a run again and compares every figure with the record's.
 * @param path of predictions.npy
 * @param labels uint8 [testSize]
 * @returns the details of the score, which the record of a sealed Track omits; null if there is no score
 * @throws DoesNotHold if the score differs or the predictions are invalid; UserError if the file cannot be read
 */
export async function checkScoreAgain(
  { record, digests }: OfficialRecord,
  path: string,
  labels: Uint8Array,
): Promise<ScoreDetails | null> {
  const classes = record.track?.classes ?? [];
  const bytes = await readWithDigest(path, digests.predictions);
  const predictions = await parsePredictions(path, bytes, labels.length, classes.length);
  if (record.score === null) {
    const fault = unscoredFault(record.verdict, predictions);
    if (fault !== null) throw new DoesNotHold(fault);
    return null;
  }
  if (predictions.state !== 'valid') {
    throw new DoesNotHold(`there is a score, but the predictions are invalid: ${predictions.reason}`);
  }
  const again = score(predictions.scores, labels, classes);
  const fault = rescoreFault(record.score, again);
  if (fault !== null) throw new DoesNotHold(fault);
  return again.details;
}

/** Checks the one reason for a missing score that the predictions can show. */
function unscoredFault(verdict: string, { state }: ParsedPredictions): string | null {
  return verdict === 'INVALID_OUTPUT' && state === 'valid'
    ? 'the verdict is INVALID_OUTPUT, but the predictions can be scored'
    : null;
}

/** Reads a file once for its digest and its content, because it could change between two reads. */
async function readWithDigest(path: string, digest: string | null): Promise<Uint8Array> {
  const { bytes } = await readWhole(path);
  const got = sha256(bytes);
  if (got === digest) return bytes;
  throw new DoesNotHold(`${path} has sha256 ${got}, but the record says ${digest ?? 'nothing'}`);
}
