import { z } from 'zod';
import { trackVersions } from '../../datasets/controlTracks.ts';
import { runRecordSchema } from '../run/record.ts';
import { verdictCodeSchema } from '../run/verdict.ts';

export const auditFile = 'audit.json';

/** One of the three runs. Accuracies are fractions of 1. */
const auditedRunSchema = z.strictObject({
  runId: z.string(),
  folder: z.string().describe('where the files of the run lie'),
  verdict: verdictCodeSchema,
  evidence: z.array(z.string()),
  accuracy: z.number().nullable().describe('null where the run was not scored'),
  wilson95: z.tuple([z.number(), z.number()]).nullable(),
});
export type AuditedRun = z.infer<typeof auditedRunSchema>;

export const judgementSchema = z.strictObject({
  holds: z.boolean().nullable().describe('what an honest entry does; null where the runs cannot tell'),
  statistic: z.number().nullable().describe('shuffled: the accuracy; permuted: the drop in accuracy'),
  threshold: z.number().nullable().describe('from this statistic on, the entry is not honest'),
  pValue: z.number().nullable().describe('how often an honest entry has such a statistic, or a higher one'),
  sentence: z.string().describe('the same for people'),
});
export type Judgement = z.infer<typeof judgementSchema>;

/** What control runs found: success and failure share this shape. */
export const auditSchema = z.strictObject({
  schemaVersion: z.literal(1),
  startedAt: z.iso.datetime(),
  folder: z.string().describe('where the runs and audit.json lie'),
  overall: z
    .enum(['passed', 'failed', 'inconclusive'])
    .describe('failed where one judgement does not hold, passed where both do'),
  entry: runRecordSchema.shape.entry,
  track: z.string().describe('name of the Track'),
  seed: z.int().nonnegative().describe('seed of the three runs'),
  controlSeed: z
    .int()
    .nonnegative()
    .describe('seed of the control labels and of the order of the runs, kept from the entry'),
  order: z.array(z.enum(trackVersions)).describe('in which the runs were made'),
  renaming: z.array(z.int()).describe('in the permuted run class c was called renaming[c]'),
  runs: z
    .strictObject({
      honest: auditedRunSchema.nullable(),
      shuffled: auditedRunSchema.nullable(),
      permuted: auditedRunSchema.nullable(),
    })
    .describe('null for one that was not made'),
  judgements: z.strictObject({ shuffled: judgementSchema, permuted: judgementSchema }),
  sandbox: runRecordSchema.shape.sandbox,
  evaluator: z.strictObject({ version: z.string() }),
});
export type Audit = z.infer<typeof auditSchema>;
