import { createHash } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { trackFiles } from '../../../datasets/track.ts';
import { buildOfficialRecord, type OfficialRecord } from '../../../evaluator/attest/officialRecord.ts';
import { deriveSigningKey, parseVerifyKey, publicVerifyKey } from '../../../evaluator/attest/signingKey.ts';
import { madeUpRun } from '../report/madeUpRun.ts';

export const hash = (digit: string): string => digit.repeat(64);
export const sha256 = (bytes: string | Uint8Array): string =>
  createHash('sha256').update(bytes).digest('hex');

/** Secrets in the form of age's that open nothing. */
export const organizerSecret = `AGE-SECRET-KEY-1${'Q'.repeat(58)}`;
export const signingKey = deriveSigningKey(organizerSecret);
export const verifyKey = publicVerifyKey(signingKey);
export const key = parseVerifyKey(verifyKey);
export const strangersKey = deriveSigningKey(`AGE-SECRET-KEY-1${'P'.repeat(58)}`);

/** The official record of a made-up run: training ended by itself, prediction too, all digests there. */
export async function madeUpOfficial(): Promise<{ official: OfficialRecord; predictions: Buffer }> {
  const { record, folder } = await madeUpRun(1, ({ track }) => {
    track!.sha256 = {
      [trackFiles.trainImages]: sha256('train images'),
      [trackFiles.trainLabels]: sha256('train labels'),
      [trackFiles.testImages]: sha256('test images'),
      [trackFiles.testLabels]: sha256('test labels'),
    };
  });
  const predictions = await readFile(join(folder, 'predictions', 'predictions.npy'));
  await rm(folder, { recursive: true });
  const official = buildOfficialRecord(record, {
    image: `sha256:${hash('1')}`,
    archive: sha256('archive'),
    sealedSet: sha256('sealed'),
    predictions: sha256(predictions),
    model: hash('2'),
    gpuMemoryBytes: { train: 0 },
  });
  return { official, predictions };
}
