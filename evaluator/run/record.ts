import { z } from 'zod';
import { sealedTrackSchema } from '../../datasets/sealing/sealedTrack.ts';
import { trackSchema } from '../../datasets/track.ts';
import { UserError } from '../../datasets/userError.ts';
import { progressLineSchema, stageNames } from '../contract.ts';
import { archiveLimitsSchema } from '../intake/limits.ts';
import { holdsSchema } from '../sandbox/holds.ts';
import { sandboxKinds } from '../sandbox/sandbox.ts';
import { verdictCodeSchema } from './verdict.ts';

/** Where the record of a run lies in its folder. */
export const recordFile = 'record.json';

/** The stages of a run in their order: the contract's, and predict a second time, on other test images. */
export const runStages = [...stageNames, 'predict-again'] as const;
export type RunStage = (typeof runStages)[number];

/** How one stage of an entry went. Times are seconds of the monotonic clock from its start. */
export const stageRecordSchema = z.strictObject({
  stage: z.enum(runStages),
  argv: z.array(z.string()),
  startedAt: z.iso.datetime().describe('wall-clock time of the start, for people only'),
  limitSeconds: z.number().positive(),
  seconds: z
    .number()
    .nonnegative()
    .describe('from process start until no process of the stage could run its own code any more'),
  ended: z
    .enum([
      'exited',
      'deadline',
      'interrupted',
      'out-of-memory',
      'too-many-processes',
      'disk-full',
      'failed-to-start',
    ])
    .describe('first cause wins'),
  exitCode: z.int().nullable(),
  signal: z.string().nullable(),
  kill: z
    .strictObject({
      signalledAtSeconds: z.number().describe('when the kill was sent'),
      stoppedAtSeconds: z
        .number()
        .describe('when no process of the stage could run its own code any more: what the deadline counts'),
      goneAtSeconds: z
        .number()
        .describe('when the kernel had taken the last process down; no clock runs for it'),
      overshootMs: z.number().describe('stoppedAtSeconds - limitSeconds, for a deadline kill; else 0'),
      processesKilled: z.int().nonnegative(),
    })
    .nullable(),
  processesLeft: z
    .int()
    .nonnegative()
    .nullable()
    .describe(
      'live processes of the stage that were found when it was over; null where it was never started',
    ),
  limitHits: z
    .strictObject({
      outOfMemoryKills: z.int().nonnegative().describe('kills for lack of memory, its own or the machine’s'),
      memoryUsedUp: z.boolean().describe('whether it had used up its own memory'),
      processesRefused: z.int().nonnegative(),
      peakMemoryBytes: z
        .int()
        .nonnegative()
        .nullable()
        .describe(
          'most memory in use at once, shared pages once; null where the group was not of the stage alone',
        ),
    })
    .nullable()
    .describe('what the control group of the stage counted; null where it had none of its own'),
  cpuSeconds: z.number().nonnegative().describe('user + system, all processes of the stage'),
  peakMemoryBytes: z
    .int()
    .nonnegative()
    .describe(
      'largest sum of resident memory seen by the sampler; a page that several processes share counts for each',
    ),
  usage: z
    .array(
      z.strictObject({
        atSeconds: z.number(),
        cpuCores: z.number(),
        memoryBytes: z.number(),
        processes: z.int(),
      }),
    )
    .describe('resource use over time'),
  contention: z
    .strictObject({
      othersCpuSeconds: z
        .number()
        .nonnegative()
        .describe('CPU time of processes that are neither of the stage nor of the evaluator'),
      stolenCpuSeconds: z.number().nonnegative().describe('CPU time that the hypervisor gave to others'),
      share: z.number().nonnegative().describe('both, as a fraction of CPUs given times seconds'),
      busiest: z
        .array(z.strictObject({ command: z.string().max(15), cpuSeconds: z.number().nonnegative() }))
        .max(3),
    })
    .nullable()
    .describe('what others did to the machine meanwhile; null where it cannot be seen, as in a container'),
  stdoutBytes: z
    .int()
    .nonnegative()
    .describe('bytes written by the entry, also those beyond the cap of the log'),
  stderrBytes: z.int().nonnegative(),
});
export type StageRecord = z.infer<typeof stageRecordSchema>;

/** Everything about the mistakes of a run. Each figure tells of the labels what the accuracy does not. */
export const scoreDetailsSchema = z.strictObject({
  perClass: z.array(
    z.strictObject({ name: z.string(), correct: z.int(), total: z.int(), accuracy: z.number() }),
  ),
  confusion: z.array(z.array(z.int())).describe('confusion[truth][predicted] = number of images'),
  logLoss: z
    .number()
    .describe('mean negative log-likelihood of the softmax of the scores, nats; clipped and rounded'),
  calibration: z.strictObject({
    expectedError: z.number().describe('expected calibration error over equal-width confidence bins'),
    bins: z.array(z.strictObject({ confidence: z.number(), accuracy: z.number(), count: z.int() })),
  }),
});
export type ScoreDetails = z.infer<typeof scoreDetailsSchema>;

/** What the predictions are worth. Accuracies are fractions of 1. */
export const scoreSchema = z.strictObject({
  correct: z.int().nonnegative(),
  total: z.int().positive(),
  accuracy: z.number(),
  wilson95: z.tuple([z.number(), z.number()]).describe('Wilson score interval at 95 %'),
  details: scoreDetailsSchema
    .nullable()
    .describe('null on a sealed Track, until the labels are revealed: an entry could tell labels by them'),
});
export type Score = z.infer<typeof scoreSchema>;
/** A score of an open Track. */
export type DetailedScore = Score & { readonly details: ScoreDetails };

/** Raised with every change of the shape below. */
export const runRecordVersion = 2;

/** A record that another version of haet wrote. */
export class OtherVersion extends UserError {}

/** @throws OtherVersion where JSON read from a file has the version of another record */
export function refuseOtherVersion(path: string, record: unknown): void {
  const version = (record as { schemaVersion?: unknown } | null)?.schemaVersion;
  if (typeof version !== 'number' || version === runRecordVersion) return;
  throw new OtherVersion({
    path,
    reason: `is a record of version ${version}, and this haet reads version ${runRecordVersion}`,
    remedy: 'Use the haet that wrote it, or a new folder for new runs.',
  });
}

/** The record of one run: success and failure share this shape; every field is always present. */
export const runRecordSchema = z.strictObject({
  schemaVersion: z.literal(runRecordVersion),
  runId: z.string(),
  startedAt: z.iso.datetime(),
  folder: z.string().describe('where the files of the run lie'),
  verdict: verdictCodeSchema,
  owner: z.enum(['contestant', 'infrastructure', 'organizer']),
  evidence: z.array(z.string()).describe('the facts that the verdict was drawn from, one sentence each'),
  advice: z.string(),
  score: scoreSchema.nullable(),
  entry: z
    .strictObject({ name: z.string(), team: z.string(), path: z.string(), sha256: z.string() })
    .nullable(),
  archiveSha256: z
    .string()
    .nullable()
    .describe(
      'hash of the archive that the entry came in, also of one refused; null where it came as a folder',
    ),
  modelSha256: z
    .string()
    .nullable()
    .describe(
      'what the train stage left and was kept of it, by hashFolder of loadEntry.ts; null where it left nothing',
    ),
  intake: archiveLimitsSchema.describe('what an archive may be; decides of a refusal'),
  track: z.union([trackSchema, sealedTrackSchema]).nullable(),
  seed: z.int().nonnegative(),
  attempt: z.int().positive().describe('1 for the first run of this archive with this seed on these terms'),
  sandbox: z.strictObject({
    kind: z.enum(sandboxKinds),
    contains: z.string().describe('what it holds back and what it does not, for people'),
    holds: holdsSchema.describe('what it held every stage to'),
    image: z.string().nullable().describe('content hash of the image that stages ran in'),
  }),
  limits: z.strictObject({
    trainSeconds: z.number().positive(),
    predictSeconds: z.number().positive(),
    cpus: z.int().positive(),
    memoryBytes: z.int().positive(),
    processes: z.int().positive().describe('processes and threads alive at once'),
  }),
  stages: z.array(stageRecordSchema),
  progress: z.strictObject({
    lines: z.int().nonnegative().describe('valid lines received'),
    rejected: z.int().nonnegative().describe('lines that were not valid'),
    last: progressLineSchema.nullable(),
  }),
  machine: z.strictObject({
    cpu: z.string(),
    cores: z.int().positive(),
    memoryBytes: z.int().positive(),
    features: z.array(z.string()).describe('CPU features that matter: avx2, avx512f, amx_bf16, ...'),
    platform: z.string(),
    node: z.string(),
  }),
  evaluator: z.strictObject({ version: z.string(), commit: z.string().nullable() }),
});
export type RunRecord = z.infer<typeof runRecordSchema>;
