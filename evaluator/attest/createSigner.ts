import { readIdentity } from '../../datasets/sealing/readIdentity.ts';
import type { RunRecord } from '../run/record.ts';
import { deriveSigningKey } from './signingKey.ts';
import { writeOfficialRecord } from './writeOfficialRecord.ts';

/** Signs the record of a run that is over. @returns path of record.jws */
export type Signer = (record: RunRecord) => Promise<string>;

/**
 * Signs with the key that follows from an identity file; the file is read at each signing, and the key not kept.
 * @param chainFolder the folder of all runs, see chain.ts
 * @param image what the evaluator itself runs in, where stages have no image of their own
 */
export function createSigner(identity: string, chainFolder: string, image: string | null = null): Signer {
  return async (record) => {
    const facts = { image: record.sandbox.image ?? image };
    return writeOfficialRecord(record, facts, deriveSigningKey(await readIdentity(identity)), chainFolder);
  };
}
