import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readIdentity } from '../../datasets/sealing/readIdentity.ts';
import type { RunRecord } from '../record.ts';
import { deriveSigningKey } from './signingKey.ts';
import { officialRecordFile, writeOfficialRecord } from './writeOfficialRecord.ts';

/** Signs the record of a run that is over, unless that was done. @returns path of record.jws */
export type Signer = (record: RunRecord) => Promise<string>;

/**
 * Signs with the key that follows from an identity file; the file is read at each signing, and the key not kept.
 * @param image what the evaluator itself runs in, where stages have no image of their own
 */
export function createSigner(identity: string, image: string | null = null): Signer {
  return async (record) => {
    const path = join(record.folder, officialRecordFile);
    if (existsSync(path)) return path;
    const { track, sandbox, archiveSha256 } = record;
    const facts = {
      image: sandbox.image ?? image,
      archive: archiveSha256,
      sealedSet: track !== null && 'sealed' in track ? track.sealed.sha256 : null,
    };
    return writeOfficialRecord(record, facts, deriveSigningKey(await readIdentity(identity)));
  };
}
