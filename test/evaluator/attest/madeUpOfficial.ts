import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256 } from '../../../datasets/sha256.ts';
import { type TrackInfo, trackFiles } from '../../../datasets/track.ts';
import { buildOfficialRecord, type OfficialRecord } from '../../../evaluator/attest/officialRecord.ts';
import { deriveSigningKey, parseVerifyKey, publicVerifyKey } from '../../../evaluator/attest/signingKey.ts';
import { allHeld } from '../fixtures.ts';
import { madeUpRun } from '../report/madeUpRun.ts';

export const hash = (digit: string): string => digit.repeat(64);
export { sha256 };

/** Secrets in age's form that open nothing. */
export const organizerSecret = `AGE-SECRET-KEY-1${'Q'.repeat(58)}`;
export const signingKey = deriveSigningKey(organizerSecret);
export const verifyKey = publicVerifyKey(signingKey);
export const key = parseVerifyKey(verifyKey);
export const strangersKey = deriveSigningKey(`AGE-SECRET-KEY-1${'P'.repeat(58)}`);

/** Returns the official record of a made-up run on a sealed Track: both stages ended normally, with all digests. */
export async function madeUpOfficial(): Promise<{
  official: OfficialRecord;
  /** Returns the record of the same run on an open Track. */
  onOpenTrack: OfficialRecord;
  predictions: Buffer;
}> {
  const trained = {
    [trackFiles.trainImages]: sha256('train images'),
    [trackFiles.trainLabels]: sha256('train labels'),
  };
  const { record, folder } = await madeUpRun(1, (made) => {
    made.archiveSha256 = sha256('archive');
    Object.assign(made.sandbox, { kind: 'bubblewrap', holds: allHeld });
    made.modelSha256 = hash('2');
  });
  const predictions = await readFile(join(folder, 'predictions', 'predictions.npy'));
  await rm(folder, { recursive: true });
  const facts = {
    image: `sha256:${hash('1')}`,
    predictions: sha256(predictions),
    chain: { number: 1, previousSha256: null },
  };
  const { seed: _, source: __, ...shown } = record.track as TrackInfo;
  const keys = { organizer: `age1${'q'.repeat(58)}`, images: `age1${'p'.repeat(58)}` };
  const sealed = { file: 'withheld.age', sha256: sha256('sealed'), ...keys } as const;
  const withheld = {
    [trackFiles.testImages]: sha256('test images'),
    [trackFiles.testLabels]: sha256('test labels'),
  };
  const openTrack = { ...(record.track as TrackInfo), sha256: { ...trained, ...withheld } };
  return {
    official: buildOfficialRecord(
      { ...record, track: { ...shown, schemaVersion: 2, sha256: trained, sealed } },
      facts,
    ),
    onOpenTrack: buildOfficialRecord({ ...record, track: openTrack }, facts),
    predictions,
  };
}
