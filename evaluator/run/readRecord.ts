import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../../datasets/userError.ts';
import { type RunRecord, refuseOtherVersion, runRecordSchema } from './record.ts';

/**
 * Reads a run's record.json.
 * @throws UserError if record.json is missing or is not a record; OtherVersion if another version of haet wrote it
 */
export async function readRecord(folder: string): Promise<RunRecord> {
  const file = join(folder, 'record.json');
  const expected = 'expected the folder of a run, as `haet dry-run` writes it';
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new UserError({ path: file, reason: `cannot be read (${error.code}); ${expected}.` });
  });
  let json: unknown;
  try {
    json = JSON.parse(text);
    return runRecordSchema.parse(json);
  } catch (error) {
    refuseOtherVersion(file, json);
    throw new UserError(`${file}: is not the record of a run; ${expected}.`, { cause: error });
  }
}
