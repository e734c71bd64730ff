// The second half of a run on a sealed Track. It opens the labels, computes the score and signs the record, in a
// separate process that starts when no process of the entry is alive, on this or another machine. The process that
// runs entries never has this key.
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
import { lockFolder } from '../machine/lockFolder.ts';
import { readRecord } from '../run/readRecord.ts';
import type { DetailedScore, RunRecord } from '../run/record.ts';
import { writeRecord } from '../run/runFolder.ts';
import { awaitsScore, readUnscored, removeUnscored, type Unscored, unscoredFile } from '../run/unscored.ts';
import { score } from './score.ts';
import { readUnchanged } from './unchangedPredictions.ts';

/** Details of the score that reveal labels, encrypted to the organizer's public key. */
export const detailsFile = 'score-details.json.age';

/** Encrypted content is padded to multiples of this size. */
const detailsBlock = 2 ** 16;

export interface ScoredRecord {
  readonly record: RunRecord;
  /** Path of record.jws. */
  readonly signed: string;
}

/**
 * Scores and signs a finished run, and writes record.json, record.jws and the encrypted details to its folder. If it
 * is killed, the next call completes it.
 * @param given.track folder of the sealed Track of the run
 * @param given.identity file with the organizer's secret key; read here and not kept
 * @param given.chain the folder of all runs, whose signed records form a chain
 * @throws UserError if it is not such a run, its predictions changed, or key or Track do not match
 */
export async function scoreRun(
  folder: string,
  given: { readonly track: string; readonly identity: string; readonly chain: string },
): Promise<ScoredRecord> {
  if (!existsSync(join(folder, unscoredFile))) {
    throw new UserError(
      `${folder} has no ${unscoredFile}: it is not an unscored run on a sealed Track. ` +
        'Give the folder of a run made by `haet official` or `haet grade`.',
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
    // Details that reveal labels stay with the organizer.
    const record = { ...unscored.record, folder: resolve(folder), score: full && { ...full, details: null } };
    if (full !== null) await writeDetails(record, full, sealed);
    await writeRecord(folder, record);
    // Whatever its verdict, even if a person stopped it, because every run must be in the chain.
    const signed = await createSigner(given.identity, given.chain, unscored.evaluatorImage)(record);
    await removeUnscored(folder);
    return { record, signed };
  } finally {
    unlock();
  }
}

/**
 * Reuses the record if an earlier call was killed after signing, so nothing is signed twice. It may have been killed
 * before the head of the chain was moved.
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
    throw new UserError(`${track} is not the Track of the run ${record.runId}. Give the Track of the run.`);
  }
  const publicKey = await publicKeyOf(await readIdentity(identity));
  if (publicKey === info.sealed.organizer) return;
  throw new UserError(
    `--identity ${identity}: its public key is ${publicKey}, but the labels are sealed to ${info.sealed.organizer}. ` +
      'Give the identity that `haet seal keygen` wrote for this Track.',
  );
}

async function scoreOf(
  { predictionsSha256 }: Unscored,
  folder: string,
  { info, withheld }: SealedTrack,
  identity: string,
): Promise<DetailedScore> {
  const scores = await readUnchanged(folder, predictionsSha256, info);
  const key = await readIdentity(identity);
  const { info: within, sealedLabels } = await openImages(withheld, key, info.sealed.file);
  return score(scores, await openLabels(sealedLabels, key, within), info.classes);
}

async function writeDetails({ runId, folder }: RunRecord, { details }: DetailedScore, { info }: SealedTrack) {
  const text = JSON.stringify({ schemaVersion: 1, runId, details }, null, 2);
  // Padding hides the number of digits of the counts.
  const padded = text.padEnd(Math.ceil(text.length / detailsBlock) * detailsBlock);
  await replaceFile(join(folder, detailsFile), await encrypt(Buffer.from(padded), info.sealed.organizer));
}
