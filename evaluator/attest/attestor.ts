import type { KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { readRecord } from '../run/readRecord.ts';
import { type RunRecord, recordFile } from '../run/record.ts';
import { officialRecordFile } from './officialRecord.ts';
import { verifyKeyText } from './signingKey.ts';
import { verifyRecord } from './verifyRecord.ts';

/** Scores and signs runs in a process that has the organizer's key, and checks the signatures. */
export interface Attestor {
  /** The organizer's public key, as it is published. */
  readonly verifyKey: string;
  /**
   * Has a finished run scored and signed, and verifies the result.
   * @param folder of the run, with its unscored.json
   * @returns its final record
   * @throws Error if it could not be scored or signed, or does not hold
   */
  finish(folder: string): Promise<RunRecord>;
  /**
   * Returns, as a clause, why a run's folder contains no valid signed record of this organizer with the content of
   * its record.json; null if it does.
   */
  fault(folder: string): Promise<string | null>;
}

/**
 * Creates an attestor.
 * @param key the organizer's public key; this process has no other key
 * @param score scores and signs the run in a folder, in the process that has the secret key
 */
export function createAttestor(key: KeyObject, score: (folder: string) => Promise<unknown>): Attestor {
  return { verifyKey: verifyKeyText(key), finish, fault: (folder) => signatureFault(folder, key) };

  async function finish(folder: string): Promise<RunRecord> {
    await score(folder);
    const why = await signatureFault(folder, key);
    if (why !== null) throw new Error(why);
    return readRecord(folder);
  }
}

/** Implements {@link Attestor.fault} for the organizer with a public key. */
export async function signatureFault(folder: string, key: KeyObject): Promise<string | null> {
  const bytes = await readFile(join(folder, officialRecordFile)).catch(() => null);
  if (bytes === null) return `it has no ${officialRecordFile}`;
  const { official, checks } = await verifyRecord(bytes, { key });
  if (official === null) return `its ${officialRecordFile} does not hold: ${checks.at(-1)!.says}`;
  const written: unknown = JSON.parse(await readFile(join(folder, recordFile), 'utf8'));
  return isDeepStrictEqual(official.record, written)
    ? null
    : `its ${officialRecordFile} does not match its ${recordFile}`;
}
