import { z } from 'zod';

/**
 * The contract between the evaluator and an entry. It states, in one place, everything that an entry can rely on: the
 * evaluator builds each stage from these tables, and docs/contract.md is generated from them.
 *
 * An entry is a folder with `haet.json` and code. Its two commands are started without a shell, in the entry's
 * folder, one after the other: `train` learns from the training set, `predict` labels the test set with the trained
 * model. Exit status 0 means success. A run whose train stage fails or is stopped is still scored if it left a model
 * that predict can use.
 */
export const stageNames = ['train', 'predict'] as const;
export type StageName = (typeof stageNames)[number];

/**
 * The rule of the predict stage: a row of predictions depends only on the model and its own image. To check it, predict
 * runs a second time on other test images, and each row must agree with the row that the first run gave that image.
 */
export const rowAgreement = {
  /** Largest difference of a score, as a fraction of the row's range (highest minus lowest score). */
  tolerance: 0.05,
  /**
   * Fraction of rows that may differ by more; one row always may, because rounding can depend on the batch. In the
   * second run about ten rows belong to each image, so 2 % of 1,000 rows are two images of a hundred.
   */
  share: 0.02,
} as const;

export const manifestFile = 'haet.json';
export const predictionsFile = 'predictions.npy';

/**
 * A name shown on leaderboards and terminals: visible, without invisible or direction-changing characters. Two names
 * cannot differ only in spaces or in the encoding of an accent.
 */
const printable = z
  .string()
  .min(1)
  .max(100)
  .regex(/^[^\p{Cc}\p{Cs}\p{Co}\p{Zl}\p{Zp}]*$/u, 'contains a control character')
  .regex(
    /^[^\p{Cf}\p{Default_Ignorable_Code_Point}\u2800]*$/u,
    'contains an invisible character, such as a zero-width space',
  )
  .regex(
    /^[^\p{Zs}]+( [^\p{Zs}]+)*$/u,
    'starts or ends with a space, or contains two in a row or one that is not U+0020',
  )
  .regex(/[\p{L}\p{N}\p{P}\p{S}]/u, 'contains no visible character')
  .regex(/^(?!.*\p{M}{5})/u, 'contains more than four combining marks in a row')
  .normalize('NFC');
const word = z
  .string()
  .max(4096)
  .regex(/^[^\0]*$/, 'contains a NUL character');
const argv = z.array(word).min(1).max(100);

/** `haet.json`, at the top of an entry. */
export const manifestSchema = z.strictObject({
  schemaVersion: z.literal(1).describe('version of this file format'),
  name: printable.describe(
    'name of the entry on the leaderboard: 1 to 100 visible characters, words separated by single spaces',
  ),
  team: printable.describe('name of the team, same rules'),
  train: argv.describe(
    'command of the train stage: program and arguments, started in the folder of the entry without a shell; a program name without a slash is looked up on PATH',
  ),
  predict: argv.describe('command of the predict stage, same rules'),
  runtime: z
    .string()
    .min(1)
    .max(200)
    .optional()
    .describe('name of the container image that the entry is made for; used if entries run in containers'),
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
      'output folder, empty at the start: train writes the model here, predict writes predictions.npy. Of the model, folders and regular files with UTF-8 paths of up to 1024 bytes are kept; links, pipes and sockets are removed. Of predict, only predictions.npy is kept',
    ),
  HAET_WORK_DIR: z
    .string()
    .describe('scratch folder, empty at the start of each stage and removed afterwards'),
  HAET_SEED: decimal(
    'seed of the run, an integer; training twice with the same seed should give the same model',
  ),
  HAET_BUDGET_SECONDS: decimal('wall-clock limit of this stage in seconds, from the start of its process'),
  HAET_CPUS: decimal('number of CPUs that the stage may use'),
  HAET_MEMORY_BYTES: decimal('memory that the stage may use, in bytes'),
  HAET_RUN_ID: z.string().describe('identifier of the run; leave it in the environment of child processes'),
  PATH: z.string().describe('the folder of the running Node, then /usr/local/bin:/usr/bin:/bin'),
  NODE_PATH: z
    .string()
    .describe(
      "folder of the evaluator's Node packages, among them @tensorflow/tfjs-node-gpu if it is installed; `require` finds them, `import` does not",
    ),
  HOME: z.string().describe('the scratch folder'),
  TMPDIR: z
    .string()
    .describe('the scratch folder by a short path, because the path of a socket has at most 107 bytes'),
  LANG: z.literal('C.UTF-8').describe('locale'),
  PYTHONUNBUFFERED: z.literal('1').describe('Python writes its output at once, so that a kill loses none'),
  CUDA_VISIBLE_DEVICES: z
    .string()
    .exactOptional()
    .describe('the NVIDIA GPUs of this run, as CUDA reads it; set only if the GPUs are divided among runs'),
};

/** The environment of each stage; an entry gets these variables and no others. */
export const environmentSchemas = {
  train: z.strictObject({
    HAET_STAGE: z.literal('train').describe('the stage that runs'),
    HAET_TRAIN_DIR: z
      .string()
      .describe(
        'folder with images.npy, uint8 [trainSize, 32, 32, 3], and labels.npy, uint8 [trainSize]; read-only',
      ),
    HAET_PROGRESS_FD: z.literal('3').describe('file descriptor for progress lines'),
    ...commonEnvironment,
  }),
  predict: z.strictObject({
    HAET_STAGE: z.literal('predict').describe('the stage that runs'),
    HAET_TEST_IMAGES: z
      .string()
      .describe('path of the test images, .npy, uint8 [testSize, 32, 32, 3]; read-only'),
    HAET_MODEL_DIR: z.string().describe("folder with the train stage's HAET_OUT_DIR; read-only"),
    ...commonEnvironment,
  }),
} as const satisfies Record<StageName, z.ZodType>;
export type StageEnvironment = { [Stage in StageName]: z.infer<(typeof environmentSchemas)[Stage]> };

/** The .npy header of `predictions.npy`, as NumPy reads it; the rows follow the order of the test images. */
export const predictionsSchema = z.strictObject({
  descr: z
    .string()
    .regex(/^[<>=|]?f[248]$/)
    .describe(
      'float16, float32 or float64, in either byte order (`<f4` is what most programs write). Every value is converted exactly, and float64 scores are compared as float64',
    ),
  fortran_order: z
    .boolean()
    .describe('either axis order: False is row-major (C), True column-major (Fortran)'),
  shape: z
    .tuple([z.int().positive(), z.int().positive()])
    .describe(
      '[testSize, classes]: one row of finite class scores per image; the class with the highest score is the prediction, on a tie the one with the lowest index',
    ),
});

/**
 * One JSON object per line on file descriptor 3, in the train stage. Optional: shown live, recorded and plotted,
 * never used for the score. Other fields are recorded unchanged.
 */
export const progressLineSchema = z.looseObject({
  step: z.int().nonnegative().describe('optimizer steps done'),
  epoch: z.number().nonnegative().describe('passes over the training set done; may be a fraction'),
  loss: z.number().optional().describe('current training loss'),
  accuracy: z.number().min(0).max(1).optional().describe('current training accuracy, 0 to 1'),
  imagesPerSecond: z.number().nonnegative().optional().describe('training throughput'),
  engine: z
    .string()
    .regex(/^[\w.+-]{1,64}$/)
    .optional()
    .describe('name of the kernels that train, such as native-avx512; the record keeps it'),
});
export type ProgressLine = z.infer<typeof progressLineSchema>;

/** Limits of a run other than CPUs and memory. The defaults are the values of the contest. */
export const limitsSchema = z.strictObject({
  trainSeconds: z
    .number()
    .positive()
    .max(86_400)
    .default(600)
    .describe(
      'limit of the train stage in seconds of wall-clock time from process start; starting the runtime and compiling count',
    ),
  predictSeconds: z
    .number()
    .positive()
    .max(86_400)
    .default(60)
    .describe(
      'limit of the predict stage in seconds of wall-clock time from process start. The default is twice what the reference submission allows itself for 1,000 images: enough to predict, too little to train',
    ),
  processes: z
    .int()
    .positive()
    .default(1024)
    .describe('maximum number of processes and threads, in sandboxes that count them'),
  workBytes: z
    .int()
    .positive()
    .default(2 * 2 ** 30)
    .describe('size of HAET_WORK_DIR, in sandboxes that give each stage its own; it is in memory'),
  outBytes: z
    .int()
    .positive()
    .default(2 * 2 ** 30)
    .describe(
      'bytes in HAET_OUT_DIR; a stage that writes more is stopped. In sandboxes that give each stage its own folder it is in memory; elsewhere it is polled several times per second',
    ),
  outFiles: z
    .int()
    .positive()
    .default(10_000)
    .describe('files and folders in HAET_OUT_DIR; a stage that creates more is stopped'),
  logBytes: z
    .int()
    .positive()
    .default(4 * 2 ** 20)
    .describe('bytes kept of each log; the rest is discarded'),
  progressLineBytes: z
    .int()
    .positive()
    .default(4096)
    .describe('maximum bytes of a progress line; longer lines are rejected'),
  progressLinesPerSecond: z
    .int()
    .positive()
    .default(50)
    .describe('progress lines recorded per second; the rest are rejected'),
});
export type Limits = z.infer<typeof limitsSchema>;
