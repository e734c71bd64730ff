// The second half of a run on a sealed Track, in a process of its own that starts when no process of the entry lives,
// on this machine or on another: here the labels are opened, the score is computed and the record signed. What runs
// entries never holds the key for any of that.
import { createPublicKey } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { replaceFile } from '../../datasets/atomicWrite.ts';
import { encrypt, publicKeyOf } from '../../datasets/sealing/age.ts';
import { openImages, openLabels } from '../../datasets/sealing/openSealed.ts';
import { readIdentity } from '../../datasets/sealing/readIdentity.ts';
import { readSealedTrack, type SealedTrack } from '../../datasets/sealing/sealedTrack.ts';
import { UserError } from '../../datasets/userError.ts';
import { signatureFault } from '../attest/attestor.ts';
import { settleHead } from '../attest/chain.ts';
import { officialRecordFile } from '../attest/officialRecord.ts';
import { deriveSigningKey } from '../attest/signingKey.ts';
import { createSigner } from '../attest/signRun.ts';
import { lockFolder } from '../grade/lockFolder.ts';
import { hashFile } from '../intake/hashFile.ts';
import { readRecord } from '../report/readRecord.ts';
import type { DetailedScore, RunRecord } from '../run/record.ts';
import { writeRecord } from '../run/runFolder.ts';
import {
  awaitsScore,
  predictionsOf,
  readUnscored,
  removeUnscored,
  type Unscored,
  unscoredFile,
} from '../run/unscored.ts';
import { readPredictions } from './readPredictions.ts';
import { score } from './score.ts';

/**
 * What a score tells of single labels, encrypted to the organizer's public key: nobody else reads it before the reveal,
 * wherever the run's folder is copied to.
 */
export const detailsFile = 'score-details.json.age';

/** Sizes of what is encrypted are multiples of this. */
const detailsBlock = 2 ** 16;

export interface ScoredRecord {
  readonly record: RunRecord;
  /** Path of record.jws. */
  readonly signed: string;
}

/**
 * Scores and signs a run that is over, and leaves record.json, record.jws and the encrypted details in its folder. A
 * call that was killed anywhere is made good by the next.
 * @param given.track folder of the sealed Track that it was run on
 * @param given.identity file with the organizer's secret key; read here, and not kept
 * @param given.chain the folder of all runs, in which the signed records form a chain
 * @throws UserError where the run is no such run, its predictions were changed since, or the key or Track is another
 */
export async function scoreRun(
  folder: string,
  given: { readonly track: string; readonly identity: string; readonly chain: string },
): Promise<ScoredRecord> {
  if (!existsSync(join(folder, unscoredFile))) {
    throw new UserError(
      `${folder} holds no ${unscoredFile}: no run on a sealed Track awaits its score there. ` +
        'Give the folder of a run, as `haet official` or `haet grade` left it.',
    );
  }
  const unlock = lockFolder(folder);
  try {
    const unscored = await readUnscored(folder);
    const sealed = await readSealedTrack(given.track);
    await requireKeys(unscored, sealed, given);
    const earlier = await signedEarlier(unscored, folder, given);
    if (earlier !== null) return earlier;
    const full = awaitsScore(unscored.record)
      ? await scoreOf(unscored, folder, sealed, given.identity)
      : null;
    // What tells of single labels stays with the organizer.
    const record = { ...unscored.record, folder: resolve(folder), score: full && { ...full, details: null } };
    if (full !== null) await writeDetails(record, full, sealed);
    await writeRecord(folder, record);
    // Whatever its verdict, also where a person stopped it: a run that is left out of the chain shows.
    const signed = await createSigner(given.identity, given.chain, unscored.evaluatorImage)(record);
    await removeUnscored(folder);
    return { record, signed };
  } finally {
    unlock();
  }
}

/**
 * Takes the record of a call that was killed when it had signed: nothing is signed twice. It may have been killed before
 * the head of the chain was moved.
 */
async function signedEarlier(
  { record }: Unscored,
  folder: string,
  { identity, chain }: { readonly identity: string; readonly chain: string },
): Promise<ScoredRecord | null> {
  const key = createPublicKey(deriveSigningKey(await readIdentity(identity)));
  if ((await signatureFault(folder, key).catch(() => 'unreadable')) !== null) return null;
  const signed = await readRecord(folder);
  if (signed.runId !== record.runId) return null;
  await settleHead(chain, key);
  await removeUnscored(folder);
  return { record: signed, signed: join(folder, officialRecordFile) };
}

async function requireKeys(
  { record }: Unscored,
  { info }: SealedTrack,
  { track, identity }: { readonly track: string; readonly identity: string },
): Promise<void> {
  if (!isDeepStrictEqual(record.track, info)) {
    throw new UserError(
      `${track} is not the Track of the run ${record.runId}. Give the one that it was run on.`,
    );
  }
  const publicKey = await publicKeyOf(await readIdentity(identity));
  if (publicKey === info.sealed.organizer) return;
  throw new UserError(
    `--identity ${identity} has the public key ${publicKey}, and the labels are sealed to ${info.sealed.organizer}. ` +
      'Give the identity that `haet seal keygen` wrote for this Track.',
  );
}

async function scoreOf(
  { predictionsSha256 }: Unscored,
  folder: string,
  { info, withheld }: SealedTrack,
  identity: string,
): Promise<DetailedScore> {
  const path = predictionsOf(folder);
  const got = await hashFile(path).catch((error: Error) => error.message);
  const predictions = await readPredictions(join(folder, 'predictions'), info.testSize, info.classes.length);
  if (predictions.state !== 'valid' || got !== predictionsSha256) {
    throw new UserError(
      `${path} is not what it was when the run ended: its sha256 is ${got}, ${unscoredFile} says ${predictionsSha256}. ` +
        'Put the file back, or run the entry again.',
    );
  }
  const key = await readIdentity(identity);
  const { info: within, sealedLabels } = await openImages(withheld, key, info.sealed.file);
  return score(predictions.scores, await openLabels(sealedLabels, key, within), info.classes);
}

async function writeDetails({ runId, folder }: RunRecord, { details }: DetailedScore, { info }: SealedTrack) {
  const text = JSON.stringify({ schemaVersion: 1, runId, details }, null, 2);
  // The size of the file shows: that of counts of one, two or three digits would tell of them.
  const padded = text.padEnd(Math.ceil(text.length / detailsBlock) * detailsBlock);
  await replaceFile(join(folder, detailsFile), await encrypt(Buffer.from(padded), info.sealed.organizer));
}
