import { z } from 'zod';
import type { UsedTerms } from '../../datasets/sealing/terms.ts';
import { trackFiles } from '../../datasets/track.ts';
import { type RunRecord, runRecordSchema, runStages, type StageRecord } from '../run/record.ts';

export const officialRecordFile = 'record.jws';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 hexadecimal digits');

/** Hashes of everything that a score depends on; null if it did not exist or could not be read. */
const digestsSchema = z.strictObject({
  image: z
    .string()
    .regex(/sha256:[0-9a-f]{64}$/, 'expected an id or digest of an image, ending in sha256:...')
    .nullable()
    .describe('container image that the entry or the evaluator ran in'),
  archive: sha256.nullable().describe('bytes of the archive of the entry'),
  entry: sha256.nullable().describe('files of the entry, by hashFolder of loadEntry.ts'),
  trainImages: sha256.nullable().describe('train/images.npy of the Track'),
  trainLabels: sha256.nullable().describe('train/labels.npy of the Track'),
  sealedSet: sha256.nullable().describe('bytes of withheld.age, the set that the run was scored on'),
  predictions: sha256.nullable().describe('bytes of predictions.npy'),
  model: sha256.nullable().describe('modelSha256 of the record'),
  evaluatorCommit: z.string().nullable(),
});
export type Digests = z.infer<typeof digestsSchema>;

/** State after a stage ended. */
const killReceiptSchema = z.strictObject({
  stage: z.enum(runStages),
  processesLeft: z.int().nonnegative().nullable().describe('processesLeft of the stage'),
  killedProcesses: z.int().nonnegative(),
  millisecondsAfterDeadline: z
    .number()
    .nullable()
    .describe(
      'from the deadline until every process of the stage was stopped; null if the stage ended for another reason',
    ),
});
export type KillReceipt = z.infer<typeof killReceiptSchema>;

/** Incremented with every change of the schema below, including the run's record. */
export const officialRecordVersion = 4;

/** What an organizer signs: the whole record and digests of the files it refers to. */
export const officialRecordSchema = z.strictObject({
  kind: z.literal('haet-official-record'),
  schemaVersion: z.literal(officialRecordVersion),
  issuedAt: z.iso.datetime(),
  chain: z
    .strictObject({
      number: z.int().positive().describe('1 for the first record signed in a folder of runs'),
      previousSha256: sha256.nullable().describe('sha256 of the previous record.jws; null for the first'),
    })
    .describe('its position among all records that the organizer signed there'),
  record: runRecordSchema,
  digests: digestsSchema,
  killReceipts: z.array(killReceiptSchema).describe('one per stage, in the order of record.stages'),
});
export type OfficialRecord = z.infer<typeof officialRecordSchema>;

/** Facts that are not in the record. */
export interface OfficialFacts
  extends Pick<Digests, 'image' | 'predictions'>,
    Pick<OfficialRecord, 'chain'> {}

export function buildOfficialRecord(record: RunRecord, { chain, ...digests }: OfficialFacts): OfficialRecord {
  return {
    kind: 'haet-official-record',
    schemaVersion: officialRecordVersion,
    issuedAt: new Date().toISOString(),
    chain,
    record,
    digests: { ...digests, ...digestsWithin(record) },
    killReceipts: record.stages.map(killReceiptOf),
  };
}

/** Returns the terms of the run. */
export function usedTermsOf({ record, digests }: Pick<OfficialRecord, 'record' | 'digests'>): UsedTerms {
  const { limits, sandbox, evaluator } = record;
  return { ...limits, sandbox: sandbox.kind, image: digests.image, evaluator };
}

/** Returns the digests contained in the record. */
export function digestsWithin(
  record: RunRecord,
): Pick<
  Digests,
  'archive' | 'entry' | 'model' | 'trainImages' | 'trainLabels' | 'sealedSet' | 'evaluatorCommit'
> {
  const { track } = record;
  return {
    archive: record.archiveSha256,
    entry: record.entry?.sha256 ?? null,
    model: record.modelSha256,
    trainImages: track?.sha256[trackFiles.trainImages] ?? null,
    trainLabels: track?.sha256[trackFiles.trainLabels] ?? null,
    sealedSet: track !== null && 'sealed' in track ? track.sealed.sha256 : null,
    evaluatorCommit: record.evaluator.commit,
  };
}

export function killReceiptOf({ stage, ended, kill, processesLeft }: StageRecord): KillReceipt {
  return {
    stage,
    processesLeft,
    killedProcesses: kill?.processesKilled ?? 0,
    millisecondsAfterDeadline: ended === 'deadline' && kill !== null ? kill.overshootMs : null,
  };
}
