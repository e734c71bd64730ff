import type { KeyObject } from 'node:crypto';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { writeWhole } from '../../datasets/writeWhole.ts';
import { predictionsFile } from '../contract.ts';
import { hashFile } from '../hashFile.ts';
import type { RunRecord } from '../record.ts';
import { recordFile } from '../runFolder.ts';
import { buildOfficialRecord, type OfficialFacts } from './officialRecord.ts';
import { signRecord } from './signRecord.ts';

export const officialRecordFile = 'record.jws';

/**
 * Signs the record of a run that is over and puts it beside record.json. Hashes the predictions, so it must be called
 * before they are moved.
 * @returns path of record.jws
 * @throws Error when the run has no record.json, or the disk refuses
 */
export async function writeOfficialRecord(
  record: RunRecord,
  facts: Omit<OfficialFacts, 'predictions'>,
  signingKey: KeyObject,
): Promise<string> {
  // A run that got no folder of its own names the one of all runs.
  await access(join(record.folder, recordFile));
  const official = buildOfficialRecord(record, {
    ...facts,
    predictions: await hashFile(join(record.folder, 'predictions', predictionsFile)).catch(() => null),
  });
  const path = join(record.folder, officialRecordFile);
  await writeWhole(path, await signRecord(official, signingKey));
  return path;
}
