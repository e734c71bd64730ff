import type { KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { readRecord } from '../report/readRecord.ts';
import { type RunRecord, recordFile } from '../run/record.ts';
import { officialRecordFile } from './officialRecord.ts';
import { verifyRecord } from './verifyRecord.ts';

/** Has runs scored and signed by a process that holds the organizer's key, and tells signed records from others. */
export interface Attestor {
  /**
   * Has a run that is over scored and signed, and verifies what was written.
   * @param folder of the run, with its unscored.json
   * @returns its final record
   * @throws Error when it could not be scored or signed, or does not hold
   */
  finish(folder: string): Promise<RunRecord>;
  /**
   * Why a run's folder holds no signed record of this organizer that holds and says what its record.json says, as half a
   * sentence; null when it does.
   */
  fault(folder: string): Promise<string | null>;
}

/**
 * @param key the organizer's public key, all that this process knows of the organizer
 * @param score scores and signs the run in a folder where the secret key is: in another process
 */
export function createAttestor(key: KeyObject, score: (folder: string) => Promise<unknown>): Attestor {
  return { finish, fault: (folder) => signatureFault(folder, key) };

  async function finish(folder: string): Promise<RunRecord> {
    await score(folder);
    const why = await signatureFault(folder, key);
    if (why !== null) throw new Error(why);
    return readRecord(folder);
  }
}

/** As {@link Attestor.fault}, for the organizer with a public key. */
export async function signatureFault(folder: string, key: KeyObject): Promise<string | null> {
  const bytes = await readFile(join(folder, officialRecordFile)).catch(() => null);
  if (bytes === null) return `it has no ${officialRecordFile}`;
  const { official, checks } = await verifyRecord(bytes, { key });
  if (official === null) return `its ${officialRecordFile} does not hold: ${checks.at(-1)!.says}`;
  const written: unknown = JSON.parse(await readFile(join(folder, recordFile), 'utf8'));
  return isDeepStrictEqual(official.record, written)
    ? null
    : `its ${officialRecordFile} is not that of its ${recordFile}`;
}
