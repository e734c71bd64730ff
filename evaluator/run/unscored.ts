import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { replaceFile } from '../../datasets/atomicWrite.ts';
import { plainJson } from '../../datasets/plainText.ts';
import { readJson } from '../../datasets/sealing/readJson.ts';
import { sha256Schema } from '../../datasets/track.ts';
import { mostPayloadBytes } from '../attest/signedRecord.ts';
import { predictionsFile } from '../contract.ts';
import { hashFile } from '../intake/hashFile.ts';
import { type RunRecord, refuseOtherVersion, runRecordSchema } from './record.ts';

/** A run folder with this file is not scored and signed yet, whatever else it contains. */
export const unscoredFile = 'unscored.json';

/** A finished run on a sealed Track: everything known without the labels. */
const unscoredSchema = z.strictObject({
  kind: z.literal('haet-unscored-run'),
  schemaVersion: z.literal(1),
  record: runRecordSchema.describe('final except its score, which is null even if the verdict is SCORED'),
  predictionsSha256: sha256Schema.nullable().describe('sha256 of predictions.npy at the end of the run'),
  evaluatorImage: z.string().nullable().describe('image that the evaluator ran in'),
});
export type Unscored = z.infer<typeof unscoredSchema>;

/** Writes unscored.json of a finished run atomically and flushes it to disk. */
export async function writeUnscored(record: RunRecord, evaluatorImage: string | null): Promise<void> {
  const predictionsSha256 = await hashFile(predictionsOf(record.folder)).catch(() => null);
  const unscored: Unscored = {
    kind: 'haet-unscored-run',
    schemaVersion: 1,
    record,
    predictionsSha256,
    evaluatorImage,
  };
  await replaceFile(join(record.folder, unscoredFile), `${plainJson(unscored)}\n`);
}

/**
 * Reads unscored.json.
 * @throws UserError if it cannot be read or is invalid; OtherVersion if another version of haet wrote it
 */
export async function readUnscored(folder: string): Promise<Unscored> {
  const path = join(folder, unscoredFile);
  const read = <T>(schema: z.ZodType<T>) =>
    readJson(path, schema, {
      kind: 'an unscored run',
      remedy: 'Give the folder of a run on a sealed Track, made by `haet official` or `haet grade`.',
      mostBytes: mostPayloadBytes,
    });
  const { record } = await read(z.looseObject({ record: z.unknown() }));
  refuseOtherVersion(path, record);
  return read(unscoredSchema);
}

/** Removes unscored.json. Call it when record.json and record.jws are on disk. */
export async function removeUnscored(folder: string): Promise<void> {
  await rm(join(folder, unscoredFile));
}

/** Whether a record only lacks its score. */
export function awaitsScore({ verdict, score }: RunRecord): boolean {
  return score === null && (verdict === 'SCORED' || verdict === 'SCORED_SALVAGED');
}

/** Returns the path of a run's predictions. */
export function predictionsOf(folder: string): string {
  return join(folder, 'predictions', predictionsFile);
}
