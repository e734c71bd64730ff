import { existsSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { describeFault } from '../../datasets/describeFault.ts';
import { trackFiles } from '../../datasets/track.ts';
import { UserError } from '../../datasets/userError.ts';
import { hashFile } from '../intake/hashFile.ts';
import { DoesNotHold } from './doesNotHold.ts';
import type { Digests, OfficialRecord } from './officialRecord.ts';

/** Files that somebody has who verifies a record; each is compared with its digest. */
export interface GivenFiles {
  readonly archive?: string;
  readonly predictions?: string;
  /** withheld.age. */
  readonly sealed?: string;
  /** Folder of the Track, which may lack the withheld half. */
  readonly track?: string;
}

const digestOf = { archive: 'archive', predictions: 'predictions', sealed: 'sealedSet' } as const;
export type SingleFile = keyof typeof digestOf;
export const singleFiles = Object.keys(digestOf) as SingleFile[];

/** @throws DoesNotHold; UserError when the file cannot be read */
export async function checkFile(kind: SingleFile, path: string, { digests }: OfficialRecord): Promise<void> {
  await compare(path, digests[digestOf[kind]]);
}

/**
 * Compares what was trained on, and the test images where folder and record both have them.
 * @throws DoesNotHold; UserError when a file cannot be read
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
    throw new UserError(
      `${path}: cannot be read (${describeFault(error)}). Give a regular file that you may read.`,
    );
  });
  if (digest === null) throw new DoesNotHold(`the record holds no digest to compare ${path} with`);
  if (got !== digest) throw new DoesNotHold(`${path} has the sha256 ${got}, and the record says ${digest}`);
}

/** A link of the user's own is followed. */
const hashGiven = async (path: string) => hashFile(await realpath(path));
