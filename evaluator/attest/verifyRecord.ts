import type { KeyObject } from 'node:crypto';
import { type Commitment, type Reveal, revealFault, sealedFault } from '../../datasets/sealing/commitment.ts';
import type { LabelsKey } from '../../datasets/sealing/labelsKey.ts';
import { compareTerms } from '../../datasets/sealing/terms.ts';
import type { ScoreDetails } from '../run/record.ts';
import { consistencyChecks } from './consistency/checks.ts';
import {
  checkFile,
  checkScoreAgain,
  checkTrack,
  type GivenFiles,
  openLabelsOf,
  singleFiles,
} from './evidence.ts';
import { type OfficialRecord, officialRecordVersion, usedTermsOf } from './officialRecord.ts';
import { checkHeader, checkSignature, DoesNotHold, readForm, readPayload } from './signedRecord.ts';

export interface Evidence {
  /** The organizer's public key. */
  readonly key: KeyObject;
  readonly files?: GivenFiles;
  /** Opens the labels, to score the predictions again; used only with the files `sealed` and `predictions`. */
  readonly labelsKey?: LabelsKey;
  readonly commitment?: Commitment;
  /** Used only with a commitment. */
  readonly reveal?: Reveal;
}

export interface Check {
  readonly name: string;
  readonly holds: boolean;
  /** What the check proved, or what does not hold. */
  readonly says: string;
}

export interface Verification {
  readonly holds: boolean;
  /** In order; only the last can fail. */
  readonly checks: readonly Check[];
  /** The record, if everything holds; otherwise nothing in it can be trusted. */
  readonly official: OfficialRecord | null;
  /** Details of the score from the predictions, if they were scored again and everything holds. */
  readonly details: ScoreDetails | null;
}

/**
 * Verifies a signed record offline, up to the first check that fails: form, header, signature, schema, consistency,
 * and agreement with the given files.
 * @param bytes of record.jws
 * @throws UserError if a given file cannot be read
 */
export async function verifyRecord(bytes: Uint8Array, evidence: Evidence): Promise<Verification> {
  const checks: Check[] = [];
  let underWay = '';
  let details: ScoreDetails | null = null;
  const check = async <T>(name: string, meaning: string, make: () => T | Promise<T>): Promise<T> => {
    underWay = name;
    const made = await make();
    checks.push({ name, holds: true, says: meaning });
    return made;
  };

  try {
    const { key, files = {}, labelsKey, commitment, reveal } = evidence;
    const { jws, header } = await check('form', 'it is a compact JWS and nothing else', () =>
      readForm(bytes),
    );
    await check('header', 'it names the given key, and Ed25519', () => checkHeader(header, key));
    const payload = await check('signature', 'the organizer signed these bytes', () =>
      checkSignature(jws, key),
    );
    const official = await check(
      'schema',
      `it is an official record of version ${officialRecordVersion}`,
      () => readPayload(payload),
    );
    for (const { name, meaning, fault } of consistencyChecks) {
      await check(name, meaning, () => requireNone(fault(official)));
    }
    for (const kind of singleFiles) {
      const path = files[kind];
      if (path === undefined) continue;
      await check(kind, `${path} belongs to this run`, () => checkFile(kind, path, official));
    }
    const { track, sealed, predictions } = files;
    if (track !== undefined) {
      await check('track', `the entry was trained on ${track}`, () => checkTrack(track, official));
    }
    if (labelsKey !== undefined && sealed !== undefined && predictions !== undefined) {
      const labels = await check('labels', 'the labels key opens the labels of the sealed set', () =>
        openLabelsOf(official, sealed, labelsKey),
      );
      const meaning =
        official.record.score === null
          ? 'there is no score, and the predictions do not give one'
          : 'the predictions give this score';
      details = await check('scored again', meaning, () => checkScoreAgain(official, predictions, labels));
    }
    if (commitment !== undefined) {
      await check('sealed set committed', 'it was scored on the committed set', () =>
        requireNone(sealedFault(commitment, official.digests.sealedSet)),
      );
      for (const { name, used, fault } of compareTerms(commitment.terms, usedTermsOf(official))) {
        await check(name, `${used}, as committed`, () => requireNone(fault && `it ran with ${fault}`));
      }
      if (reveal !== undefined) {
        await check('seeds revealed', 'the revealed seeds are the committed ones', () =>
          requireNone(revealFault(commitment, reveal)),
        );
        await check('seed', 'its seed is one of the revealed seeds', () =>
          requireNone(seedFault(official, reveal)),
        );
      }
    }
    return { holds: true, checks, official, details };
  } catch (error) {
    if (!(error instanceof DoesNotHold)) throw error;
    checks.push({ name: underWay, holds: false, says: error.message });
    return { holds: false, checks, official: null, details: null };
  }
}

function requireNone(fault: string | null): void {
  if (fault !== null) throw new DoesNotHold(fault);
}

function seedFault({ record }: OfficialRecord, { seeds }: Reveal): string | null {
  if (seeds.includes(record.seed)) return null;
  return `the run's seed ${record.seed} is not among the ${seeds.length} revealed seeds`;
}
