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

/** A run folder that holds this file awaits its score and signature, whatever else lies there. */
export const unscoredFile = 'unscored.json';

/** A run on a sealed Track that is over: all that was known where the entry ran, where nothing opens the labels. */
const unscoredSchema = z.strictObject({
  kind: z.literal('haet-unscored-run'),
  schemaVersion: z.literal(1),
  record: runRecordSchema.describe('final but for its score, which is null also where the verdict is SCORED'),
  predictionsSha256: sha256Schema.nullable().describe('of predictions.npy, as it was judged'),
  evaluatorImage: z.string().nullable().describe('image that the evaluator ran in'),
});
export type Unscored = z.infer<typeof unscoredSchema>;

/** Writes unscored.json of a run that has just ended, whole or not at all, and on disk when this returns. */
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

/** @throws UserError where it cannot be read or is none; OtherVersion where another haet wrote it */
export async function readUnscored(folder: string): Promise<Unscored> {
  const path = join(folder, unscoredFile);
  const read = <T>(schema: z.ZodType<T>) =>
    readJson(path, schema, {
      kind: 'a run to be scored',
      remedy: 'Give the folder of a run on a sealed Track, as `haet official` or `haet grade` left it.',
      mostBytes: mostPayloadBytes,
    });
  const { record } = await read(z.looseObject({ record: z.unknown() }));
  refuseOtherVersion(path, record);
  return read(unscoredSchema);
}

/** To be called when record.json and record.jws are on disk. */
export async function removeUnscored(folder: string): Promise<void> {
  await rm(join(folder, unscoredFile));
}

/** Whether the record of a run lacks nothing but its score. */
export function awaitsScore({ verdict, score }: RunRecord): boolean {
  return score === null && (verdict === 'SCORED' || verdict === 'SCORED_SALVAGED');
}

/** Path of a run's predictions. */
export function predictionsOf(folder: string): string {
  return join(folder, 'predictions', predictionsFile);
}
