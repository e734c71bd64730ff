import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { replaceFile } from '../../datasets/atomicWrite.ts';
import { UserError } from '../../datasets/userError.ts';
import { limitsSchema } from '../contract.ts';
import { bandSchema } from '../grade/canary/band.ts';
import { archiveLimitsSchema } from '../intake/limits.ts';
import { runRecordSchema } from '../run/record.ts';
import { sandboxKinds } from '../sandbox/sandbox.ts';

/** What a node must be, see nodeCheck.ts. */
const expectedSchema = z.strictObject({
  version: z.string(),
  commit: z.string().nullable(),
  tensorflow: z.string().nullable().describe('see tensorflowDigest'),
  image: z.string().nullable().describe('content hash; null: that of the first node of the batch'),
  signed: z.boolean().describe('whether the sandbox must enforce all that a signed run needs'),
  hidden: z.array(z.string()).describe('paths of secrets, which the node must not be able to read'),
});
export type Expected = z.infer<typeof expectedSchema>;

/** The canary that a node runs before its first attempt and again every K, see nodeCanary.ts. */
const canaryTaskSchema = z.strictObject({
  archive: z.string(),
  archiveSha256: z.string(),
  seed: z.int().nonnegative(),
  every: z.int().positive(),
  band: bandSchema,
  outFolder: z.string().describe('folder of the grading'),
});

/** Everything that a node is told about one attempt: one element of an array job. All paths are absolute. */
export const taskSchema = z.strictObject({
  schemaVersion: z.literal(1),
  label: z.string().describe('archive and seed, for people'),
  archive: z.string(),
  archiveSha256: z.string(),
  entryArguments: z.array(z.string()).describe('added to the command of the train stage'),
  predictOnce: z.boolean(),
  trackDir: z.string(),
  track: runRecordSchema.shape.track.unwrap(),
  imagesKey: z.string().nullable().describe('file with the key that opens the test images, and nothing else'),
  /** Issued by the coordinator; the result is left there. */
  attemptFolder: z.string(),
  attempt: z.int().positive(),
  seed: z.int().nonnegative(),
  limits: limitsSchema.pick({ trainSeconds: true, predictSeconds: true, processes: true }),
  cpus: z.int().positive().nullable().describe('null: all that the node gives'),
  memoryBytes: z.int().positive().nullable(),
  intake: archiveLimitsSchema,
  sandbox: z.strictObject({
    kind: z.enum(sandboxKinds),
    image: z.string(),
    runtime: z.string().nullable(),
  }),
  mostDisturbance: z.number(),
  quietSeconds: z.number().nonnegative(),
  keepModel: z.boolean(),
  canary: canaryTaskSchema.optional(),
  alone: z.boolean().describe('whether the attempt has the node for itself'),
  expected: expectedSchema,
});
export type Task = z.infer<typeof taskSchema>;

/** File names in the folder of a batch. */
export const taskFile = (index: number): string => `task-${index}.json`;
export const nonceFile = 'nonce';
export const nodesFolder = 'nodes';

/** Folder in an attempt's folder in which a node leaves the finished run, whole or not at all. */
export const resultFolder = 'result';
/** What the node last told about a running attempt. */
export const statusFile = 'status.json';

/**
 * Reads a task.
 * @throws UserError if it is not one
 */
export async function readTask(path: string): Promise<Task> {
  try {
    return taskSchema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch (error) {
    throw new UserError(
      {
        path,
        reason: `is not a task of \`--executor slurm\` (${(error as Error).message.split('\n')[0]})`,
        remedy: 'Leave the folder of a grading or a study as it is while its array job exists.',
      },
      { cause: error },
    );
  }
}

export async function writeTask(batch: string, index: number, task: Task): Promise<void> {
  await replaceFile(join(batch, taskFile(index)), `${JSON.stringify(task)}\n`, 0o600);
}

/** Progress of a running attempt, replaced every few seconds. */
export const statusSchema = z.strictObject({
  stage: z.string(),
  stageSince: z.number().describe('milliseconds since 1970, by the clock of the node'),
  accuracy: z.number().nullable().describe('training accuracy'),
});
export type Status = z.infer<typeof statusSchema>;

/** Exit statuses by which a task says that its node cannot run attempts. */
export const leftOut = { unfit: 90, noSharedFolder: 93, noHaet: 94 } as const;
