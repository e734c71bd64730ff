import { createPublicKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { readIdentity } from '../../datasets/sealing/readIdentity.ts';
import type { RunRecord } from '../record.ts';
import { recordFile } from '../runFolder.ts';
import { createSigner } from './createSigner.ts';
import { officialRecordFile } from './officialRecord.ts';
import { deriveSigningKey } from './signingKey.ts';
import { verifyRecord } from './verifyRecord.ts';

/** Signs the records of runs, and tells records that were signed from others. */
export interface Attestor {
  /**
   * Signs the record of a run that has just ended, and verifies what was written.
   * @throws Error when it could not be signed, or does not hold
   */
  sign(record: RunRecord): Promise<void>;
  /**
   * Why a run's folder holds no signed record of this organizer that holds and says what its record.json says, as half a
   * sentence; null when it does.
   */
  fault(folder: string): Promise<string | null>;
}

/**
 * @param identity file with the organizer's secret key, read each time and not kept
 * @param chainFolder the folder of all runs, see chain.ts
 */
export function createAttestor(identity: string, chainFolder: string): Attestor {
  const write = createSigner(identity, chainFolder);
  return { sign, fault };

  async function sign(record: RunRecord): Promise<void> {
    await write(record);
    const why = await fault(record.folder);
    if (why !== null) throw new Error(why);
  }

  async function fault(folder: string): Promise<string | null> {
    const bytes = await readFile(join(folder, officialRecordFile)).catch(() => null);
    if (bytes === null) return `it has no ${officialRecordFile}`;
    const key = createPublicKey(deriveSigningKey(await readIdentity(identity)));
    const { official, checks } = await verifyRecord(bytes, { key });
    if (official === null) return `its ${officialRecordFile} does not hold: ${checks.at(-1)!.says}`;
    const written: unknown = JSON.parse(await readFile(join(folder, recordFile), 'utf8'));
    return isDeepStrictEqual(official.record, written)
      ? null
      : `its ${officialRecordFile} is not that of its ${recordFile}`;
  }
}
