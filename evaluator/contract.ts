import { z } from 'zod';

/**
 * The agreement between the evaluator and an entry. Everything an entry may rely on is stated here, once: the
 * evaluator builds each stage from these tables, and docs/contract.md is generated from them.
 *
 * An entry is a folder with `haet.json` and code. Its two commands are started without a shell, in the entry's
 * folder, one after the other: `train` learns from the training set, `predict` labels the test set with what train
 * left. Exit status 0 means success; a train stage that fails or is cut is still scored if it left something that
 * predict can use.
 */
export const stageNames = ['train', 'predict'] as const;
export type StageName = (typeof stageNames)[number];

/**
 * The rule of the predict stage: a row of predictions depends on the model and its own image alone. So predict runs a second
 * time, on other test images, and each row must be the one that the first run gave that image.
 */
export const rowAgreement = {
  /** Largest difference of a score, as a fraction of the row's range (highest minus lowest score). */
  tolerance: 0.05,
  /**
   * Fraction of the rows that may still differ, and one row in any case: rounding may depend on the batch. Of 1,000 rows of
   * the second run, ten are of one image: 2 % are two images of a hundred.
   */
  share: 0.02,
} as const;

export const manifestFile = 'haet.json';
export const predictionsFile = 'predictions.npy';

/**
 * What is shown on leaderboards and terminals: something can be seen, nothing is invisible or turns the direction of text,
 * and two names that differ do not differ in spaces or in how an accent is written alone.
 */
const printable = z
  .string()
  .min(1)
  .max(100)
  .regex(/^[^\p{Cc}\p{Cs}\p{Co}\p{Zl}\p{Zp}]*$/u, 'holds a control character')
  .regex(
    /^[^\p{Cf}\p{Default_Ignorable_Code_Point}\u2800]*$/u,
    'holds an invisible character, such as a zero-width space',
  )
  .regex(/^[^\p{Zs}]+( [^\p{Zs}]+)*$/u, 'holds a space at an end, two in a row, or one of an unusual kind')
  .regex(/[\p{L}\p{N}\p{P}\p{S}]/u, 'holds nothing that can be seen')
  .regex(/^(?!.*\p{M}{5})/u, 'holds more than four combining marks in a row')
  .normalize('NFC');
const word = z
  .string()
  .max(4096)
  .regex(/^[^\0]*$/, 'holds a NUL character');
const argv = z.array(word).min(1).max(100);

/** `haet.json`, at the top of an entry. */
export const manifestSchema = z.strictObject({
  schemaVersion: z.literal(1).describe('version of this file format'),
  name: printable.describe(
    'what the entry is called on the leaderboard: up to 100 characters that can be seen, single spaces between words',
  ),
  team: printable.describe('who sends it, in the same form'),
  train: argv.describe(
    'command of the train stage: program and arguments, started without a shell in the entry folder; a program without a slash is looked up on PATH',
  ),
  predict: argv.describe('command of the predict stage, in the same form'),
  runtime: z
    .string()
    .min(1)
    .max(200)
    .optional()
    .describe('name of the runtime image that the entry is meant for; used where entries run in containers'),
});
export type Manifest = z.infer<typeof manifestSchema>;

const decimal = (meaning: string) =>
  z
    .string()
    .regex(/^\d+(\.\d+)?$/)
    .describe(meaning);

const commonEnvironment = {
  HAET_OUT_DIR: z
    .string()
    .describe(
      'folder to write into, empty at the start: the model when training, predictions.npy when predicting; of the model, folders and regular files of UTF-8 names up to 1024 bytes deep are kept (links, pipes and sockets are removed), of the predictions that file alone',
    ),
  HAET_WORK_DIR: z.string().describe('scratch folder, empty at the start of each stage, removed after it'),
  HAET_SEED: decimal('seed of the run, an integer; the same seed should give the same training'),
  HAET_BUDGET_SECONDS: decimal('wall-clock limit of this stage, counted from the start of its process'),
  HAET_CPUS: decimal('number of CPUs the stage may keep busy'),
  HAET_MEMORY_BYTES: decimal('memory the stage may use'),
  HAET_RUN_ID: z.string().describe('identity of the run; keep it in the environment of child processes'),
  PATH: z.string().describe('the folder of the running Node first, then /usr/local/bin:/usr/bin:/bin'),
  HOME: z.string().describe('the scratch folder'),
  TMPDIR: z.string().describe('the scratch folder'),
  LANG: z.literal('C.UTF-8').describe('plain UTF-8 locale'),
};

/** The environment of each stage; an entry gets these variables and no others. */
export const environmentSchemas = {
  train: z.strictObject({
    HAET_STAGE: z.literal('train').describe('which of the two commands this is'),
    HAET_TRAIN_DIR: z
      .string()
      .describe(
        'folder with images.npy, uint8 [trainSize, 32, 32, 3], and labels.npy, uint8 [trainSize]; not to be written to',
      ),
    HAET_PROGRESS_FD: z.literal('3').describe('file descriptor that takes progress lines'),
    ...commonEnvironment,
  }),
  predict: z.strictObject({
    HAET_STAGE: z.literal('predict').describe('which of the two commands this is'),
    HAET_TEST_IMAGES: z
      .string()
      .describe('path of the test images, .npy, uint8 [testSize, 32, 32, 3]; not to be written to'),
    HAET_MODEL_DIR: z
      .string()
      .describe('what the train stage left in its HAET_OUT_DIR; not to be written to'),
    ...commonEnvironment,
  }),
} as const satisfies Record<StageName, z.ZodType>;
export type StageEnvironment = { [Stage in StageName]: z.infer<(typeof environmentSchemas)[Stage]> };

/** What the .npy header of `predictions.npy` must say; the rows follow the order of the test images. */
export const predictionsSchema = z.strictObject({
  descr: z.literal('<f4').describe('float32, little-endian'),
  fortran_order: z.literal(false).describe('row after row (C order)'),
  shape: z
    .tuple([z.int().positive(), z.int().positive()])
    .describe(
      '[testSize, classes]: one row of finite class scores an image; the highest wins, the lowest index on a tie',
    ),
});

/**
 * One JSON object a line on file descriptor 3, in the train stage. Optional; shown live, kept and plotted, never
 * trusted for scoring. Further fields are kept as they are.
 */
export const progressLineSchema = z.looseObject({
  step: z.int().nonnegative().describe('optimiser steps done'),
  epoch: z.number().nonnegative().describe('passes over the training set done, fractions allowed'),
  loss: z.number().optional().describe('running training loss'),
  accuracy: z.number().min(0).max(1).optional().describe('running training accuracy, 0 to 1'),
  imagesPerSecond: z.number().nonnegative().optional().describe('training throughput'),
});
export type ProgressLine = z.infer<typeof progressLineSchema>;

/** Limits of a run beside CPUs and memory, with the values of the contest as defaults. */
export const limitsSchema = z.strictObject({
  trainSeconds: z
    .number()
    .positive()
    .max(86_400)
    .default(600)
    .describe('train stage, wall clock from process start: runtime start-up and compilation count'),
  predictSeconds: z
    .number()
    .positive()
    .max(86_400)
    .default(60)
    .describe(
      'predict stage, wall clock from process start; by default ten times what the reference needs on two cores: time to predict, and little to train in',
    ),
  processes: z
    .int()
    .positive()
    .default(1024)
    .describe('processes and threads alive at once, where a sandbox counts them'),
  workBytes: z
    .int()
    .positive()
    .default(2 * 2 ** 30)
    .describe('size of HAET_WORK_DIR, where a sandbox gives each stage its own; held in memory'),
  outBytes: z
    .int()
    .positive()
    .default(2 * 2 ** 30)
    .describe(
      'bytes in HAET_OUT_DIR; a stage that goes beyond is stopped. Held in memory where a sandbox gives each stage a folder of its own, else looked at several times a second',
    ),
  outFiles: z.int().positive().default(10_000).describe('files and folders in HAET_OUT_DIR, likewise'),
  logBytes: z
    .int()
    .positive()
    .default(4 * 2 ** 20)
    .describe('kept of each log; what is written beyond is read and dropped'),
  progressLineBytes: z
    .int()
    .positive()
    .default(4096)
    .describe('longest progress line; longer ones are rejected'),
  progressLinesPerSecond: z
    .int()
    .positive()
    .default(50)
    .describe('progress lines kept a second; the rest is rejected'),
});
export type Limits = z.infer<typeof limitsSchema>;
