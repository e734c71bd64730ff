import { z } from 'zod';
import { trackVersions } from '../../datasets/controlTracks.ts';
import { runRecordSchema } from '../run/record.ts';
import { verdictCodeSchema } from '../run/verdict.ts';

export const auditFile = 'audit.json';

/** One of the three runs. Accuracies are fractions of 1. */
const auditedRunSchema = z.strictObject({
  runId: z.string(),
  folder: z.string().describe('folder of the run'),
  verdict: verdictCodeSchema,
  evidence: z.array(z.string()),
  accuracy: z.number().nullable().describe('null if the run was not scored'),
  wilson95: z.tuple([z.number(), z.number()]).nullable(),
});
export type AuditedRun = z.infer<typeof auditedRunSchema>;

export const judgementSchema = z.strictObject({
  holds: z
    .boolean()
    .nullable()
    .describe('whether the entry behaved like an honest one; null if inconclusive'),
  statistic: z.number().nullable().describe('shuffled: the accuracy; permuted: the drop in accuracy'),
  threshold: z.number().nullable().describe('threshold of the statistic for an accusation'),
  pValue: z.number().nullable().describe('probability of this statistic or a higher one for an honest entry'),
  sentence: z.string().describe('the result as a sentence'),
});
export type Judgement = z.infer<typeof judgementSchema>;

/** Result of an audit; success and failure have the same fields. */
export const auditSchema = z.strictObject({
  schemaVersion: z.literal(1),
  startedAt: z.iso.datetime(),
  folder: z.string().describe('folder with the runs and audit.json'),
  overall: z
    .enum(['passed', 'failed', 'inconclusive'])
    .describe('failed if a judgement does not hold, passed if both hold'),
  entry: runRecordSchema.shape.entry,
  track: z.string().describe('name of the Track'),
  seed: z.int().nonnegative().describe('seed of the three runs'),
  controlSeed: z
    .int()
    .nonnegative()
    .describe('seed of the control labels and of the order of the runs, kept from the entry'),
  order: z.array(z.enum(trackVersions)).describe('order of the runs'),
  renaming: z.array(z.int()).describe('in the permuted run, class c had the name renaming[c]'),
  runs: z
    .strictObject({
      honest: auditedRunSchema.nullable(),
      shuffled: auditedRunSchema.nullable(),
      permuted: auditedRunSchema.nullable(),
    })
    .describe('null if it was not made'),
  judgements: z.strictObject({ shuffled: judgementSchema, permuted: judgementSchema }),
  sandbox: runRecordSchema.shape.sandbox,
  evaluator: z.strictObject({ version: z.string() }),
});
export type Audit = z.infer<typeof auditSchema>;
