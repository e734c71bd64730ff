import { z } from 'zod';
import { sealedTrackSchema } from '../../datasets/sealing/sealedTrack.ts';
import { trackSchema } from '../../datasets/track.ts';
import { UserError } from '../../datasets/userError.ts';
import { progressLineSchema, stageNames } from '../contract.ts';
import { archiveLimitsSchema } from '../intake/limits.ts';
import { holdsSchema } from '../sandbox/holds.ts';
import { sandboxKinds } from '../sandbox/sandbox.ts';
import { verdictCodeSchema } from './verdict.ts';

/** File name of the record in a run's folder. */
export const recordFile = 'record.json';

/** The stages of a run in order; predict-again is the second predict run. */
export const runStages = [...stageNames, 'predict-again'] as const;
export type RunStage = (typeof runStages)[number];

/** Result of one stage. Times are seconds of the monotonic clock from its start. */
export const stageRecordSchema = z.strictObject({
  stage: z.enum(runStages),
  argv: z.array(z.string()),
  startedAt: z.iso.datetime().describe('wall-clock time of the start, for information only'),
  limitSeconds: z.number().positive(),
  seconds: z
    .number()
    .nonnegative()
    .describe('from process start until every process of the stage was stopped'),
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
        .describe('when every process of the stage was stopped; compared with the deadline'),
      goneAtSeconds: z.number().describe('when the last process was gone; not counted by any limit'),
      overshootMs: z.number().describe('stoppedAtSeconds - limitSeconds, for a deadline kill; else 0'),
      processesKilled: z.int().nonnegative(),
    })
    .nullable(),
  processesLeft: z
    .int()
    .nonnegative()
    .nullable()
    .describe('processes of the stage that were still alive after it ended; null if it was never started'),
  limitHits: z
    .strictObject({
      outOfMemoryKills: z
        .int()
        .nonnegative()
        .describe("out-of-memory kills, caused by its own limit or the machine's"),
      memoryUsedUp: z.boolean().describe('whether it reached its own limit'),
      processesRefused: z.int().nonnegative(),
      peakMemoryBytes: z
        .int()
        .nonnegative()
        .nullable()
        .describe("peak memory, shared pages counted once; null if the group was not the stage's own"),
    })
    .nullable()
    .describe("counters of the stage's control group; null without one"),
  cpuSeconds: z.number().nonnegative().describe('user + system, all processes of the stage'),
  peakMemoryBytes: z
    .int()
    .nonnegative()
    .describe('largest sampled sum of resident memory; shared pages count once per process'),
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
        .describe('CPU time of processes other than the stage and the evaluator'),
      stolenCpuSeconds: z.number().nonnegative().describe('CPU time that the hypervisor gave to others'),
      share: z.number().nonnegative().describe('both, as a fraction of CPUs × seconds'),
      busiest: z
        .array(z.strictObject({ command: z.string().max(15), cpuSeconds: z.number().nonnegative() }))
        .max(3),
    })
    .nullable()
    .describe('other work on the machine; null if it cannot be seen, as in a container'),
  stdoutBytes: z
    .int()
    .nonnegative()
    .describe("bytes written by the entry, including those beyond the log's limit"),
  stderrBytes: z.int().nonnegative(),
});
export type StageRecord = z.infer<typeof stageRecordSchema>;

/** Details of the score. Each reveals more about the labels than the accuracy. */
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

/** Score of the predictions. Accuracies are fractions of 1. */
export const scoreSchema = z.strictObject({
  correct: z.int().nonnegative(),
  total: z.int().positive(),
  accuracy: z.number(),
  wilson95: z.tuple([z.number(), z.number()]).describe('Wilson score interval at 95 %'),
  details: scoreDetailsSchema
    .nullable()
    .describe('null on a sealed Track until the labels are revealed, because they reveal labels'),
});
export type Score = z.infer<typeof scoreSchema>;
/** A score of an open Track. */
export type DetailedScore = Score & { readonly details: ScoreDetails };

/** Incremented with every change of the schema below. */
export const runRecordVersion = 3;

/** The error of a record that another version of haet wrote. */
export class OtherVersion extends UserError {}

/**
 * Refuses the record of another version.
 * @param record JSON read from the file
 * @throws OtherVersion
 */
export function refuseOtherVersion(path: string, record: unknown): void {
  const version = (record as { schemaVersion?: unknown } | null)?.schemaVersion;
  if (typeof version !== 'number' || version === runRecordVersion) return;
  throw new OtherVersion({
    path,
    reason: `is a record of version ${version}, but this haet reads version ${runRecordVersion}`,
    remedy: 'Use the haet that wrote it, or a new folder for new runs.',
  });
}

/** The record of one run. Success and failure have the same fields, which are always present. */
export const runRecordSchema = z.strictObject({
  schemaVersion: z.literal(runRecordVersion),
  runId: z.string(),
  startedAt: z.iso.datetime(),
  folder: z.string().describe('folder of the run'),
  verdict: verdictCodeSchema,
  owner: z.enum(['contestant', 'infrastructure', 'organizer']),
  evidence: z.array(z.string()).describe('facts behind the verdict, one sentence each'),
  advice: z.string(),
  score: scoreSchema.nullable(),
  entry: z
    .strictObject({ name: z.string(), team: z.string(), path: z.string(), sha256: z.string() })
    .nullable(),
  archiveSha256: z
    .string()
    .nullable()
    .describe("hash of the entry's archive, also of a rejected one; null for a folder"),
  modelSha256: z
    .string()
    .nullable()
    .describe('hash of the kept model files, by hashFolder of loadEntry.ts; null if there are none'),
  intake: archiveLimitsSchema.describe('limits of intake, which decide whether an archive is rejected'),
  track: z.union([trackSchema, sealedTrackSchema]).nullable(),
  seed: z.int().nonnegative(),
  attempt: z.int().positive().describe('1 for the first run of this archive with this seed on these terms'),
  sandbox: z.strictObject({
    kind: z.enum(sandboxKinds),
    contains: z.string().describe('what the sandbox isolates and what it does not'),
    holds: holdsSchema.describe('limits that it enforced'),
    image: z.string().nullable().describe('content hash of the image that stages ran in'),
  }),
  limits: z.strictObject({
    trainSeconds: z.number().positive(),
    predictSeconds: z.number().positive(),
    cpus: z.int().positive(),
    memoryBytes: z.int().positive(),
    processes: z.int().positive().describe('maximum number of processes and threads'),
  }),
  gpus: z
    .array(z.strictObject({ uuid: z.string(), model: z.string() }))
    .describe('NVIDIA GPUs that the entry could use'),
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
    features: z.array(z.string()).describe('relevant CPU features: avx2, avx512f, amx_bf16, ...'),
    platform: z.string(),
    node: z.string(),
  }),
  evaluator: z.strictObject({ version: z.string(), commit: z.string().nullable() }),
});
export type RunRecord = z.infer<typeof runRecordSchema>;
