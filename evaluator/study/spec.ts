import { z } from 'zod';
import { MAX_SEED } from '../../datasets/random.ts';
import { MOST_SEED } from '../../datasets/sealing/commitment.ts';
import { pixelOrders } from '../../datasets/sources/rawPixels.ts';
import { limitsSchema } from '../contract.ts';

/** Sources that a study can draw its samples from. */
export const studySources = ['cifar10', 'fashion-mnist', 'folder', 'parquet', 'csv', 'synthetic'] as const;
type StudySource = (typeof studySources)[number];

/** Fields of `data` that only some sources take. */
const ofSomeSources: Readonly<Record<string, readonly StudySource[]>> = {
  from: ['cifar10', 'fashion-mnist', 'folder', 'parquet', 'csv'],
  labels: ['folder'],
  labelColumn: ['folder', 'parquet', 'csv'],
  imageColumn: ['folder', 'parquet'],
  pixelOrder: ['parquet', 'csv'],
  skipUnreadable: ['folder'],
};
const withoutDefaultPlace: readonly StudySource[] = ['folder', 'parquet', 'csv'];

/** Arguments of a command, in YAML as a list or as one text that is split at spaces. */
const wordsSchema = z
  .union(
    [
      z
        .string()
        .transform((text) => text.split(/\s+/).filter((word) => word !== ''))
        .pipe(z.array(z.string().max(4096)).max(100)),
      z.array(z.string().max(4096)).max(100),
    ],
    'must be a text of words separated by spaces, or a list of texts; put a number of the list in quotes',
  )
  .refine((words) => words.every((word) => !word.includes('\0')), 'contains a NUL character');

/** Integers without repetition; a number n stands for 1 to n. */
const seedsSchema = (largest: number) =>
  z.union(
    [
      z
        .int()
        .min(1)
        .max(1000)
        .transform((count) => Array.from({ length: count }, (_, at) => at + 1)),
      z
        .array(z.int().min(0).max(largest))
        .min(1)
        .max(1000)
        .refine((all) => new Set(all).size === all.length, 'must be different integers'),
    ],
    `must be a number n from 1 to 1000, for 1 to n, or a list of different integers from 0 to ${largest}`,
  );

const perClass = z.int().min(1).max(1_000_000);
const dataSchema = z
  .strictObject({
    source: z.enum(studySources).describe('as `--source` of `haet data make`'),
    from: z
      .string()
      .min(1)
      .optional()
      .describe('file or folder of the source; a relative path starts at the folder of the spec'),
    labels: z.string().min(1).optional().describe('table of labels of a folder; path as in `from`'),
    labelColumn: z.string().min(1).optional(),
    imageColumn: z.string().min(1).optional(),
    pixelOrder: z.enum(pixelOrders).optional(),
    skipUnreadable: z.boolean().optional(),
    allowCopies: z.boolean().optional(),
    trainPerClass: perClass.default(500).describe('training images per class'),
    heldOutPerClass: z
      .union([perClass, z.literal('all')], 'must be a number of images per class, or all')
      .default('all')
      .describe('images per class to score on, of those that are not trained on'),
  })
  .superRefine((data, context) => {
    for (const [field, takenBy] of Object.entries(ofSomeSources)) {
      if (data[field as keyof typeof data] !== undefined && !takenBy.includes(data.source)) {
        context.addIssue({
          code: 'custom',
          path: [field],
          message: `source ${data.source} does not take it`,
        });
      }
    }
    if (data.from === undefined && withoutDefaultPlace.includes(data.source)) {
      context.addIssue({ code: 'custom', path: ['from'], message: `source ${data.source} needs it` });
    }
    if (data.source === 'synthetic' && data.heldOutPerClass === 'all') {
      const message = 'source synthetic draws as many images as it is asked for: give a number';
      context.addIssue({ code: 'custom', path: ['heldOutPerClass'], message });
    }
  });

const { trainSeconds, predictSeconds } = limitsSchema.shape;
const seconds = trainSeconds.unwrap();
/** Limit of a run whose budget is not time: it only ends runs that hang. */
const generousSeconds = 6 * 3600;

const budgetSchema = z
  .strictObject({
    seconds: seconds.optional().describe('wall-clock time of training, as in the contest'),
    words: wordsSchema
      .optional()
      .describe('arguments of the train command that limit training otherwise, for example to epochs'),
    limitSeconds: seconds
      .optional()
      .describe(`with words: time after which training is killed; default ${generousSeconds}`),
  })
  .transform(({ seconds, words, limitSeconds }, context) => {
    if ((seconds === undefined) === (words === undefined)) {
      context.addIssue({ code: 'custom', message: 'must have either seconds or words' });
      return z.NEVER;
    }
    if (seconds !== undefined && limitSeconds !== undefined) {
      context.addIssue({
        code: 'custom',
        message: 'limitSeconds belongs to words; seconds is a limit itself',
      });
      return z.NEVER;
    }
    return seconds !== undefined
      ? { kind: 'seconds' as const, trainSeconds: seconds, words: [] }
      : { kind: 'words' as const, trainSeconds: limitSeconds ?? generousSeconds, words: words! };
  });

const halvingSchema = z.strictObject({
  kind: z.literal('halving'),
  firstRuns: z.int().min(1).max(1000).default(2).describe('runs of each arm before the first decision'),
  factor: z
    .int()
    .min(2)
    .max(100)
    .default(2)
    .describe('one of this many arms goes on, with this many times the runs'),
});
const searchSchema = z
  .preprocess(
    (value) => (typeof value === 'string' ? { kind: value } : value),
    z.discriminatedUnion('kind', [z.strictObject({ kind: z.literal('grid') }), halvingSchema], {
      error: 'must be grid, halving, or {kind: halving, firstRuns: 2, factor: 2}',
    }),
  )
  .describe('grid: every arm does every run; halving: see halving.ts');

const armName = /^[\p{L}\p{N}][\p{L}\p{N} ._+=-]{0,39}$/u;

/** The specification of a study, written by a person as YAML or JSON. */
export const studySpecSchema = z
  .strictObject({
    schemaVersion: z.literal(1),
    name: z.string().min(1).max(100),
    data: dataSchema,
    samples: seedsSchema(MAX_SEED).describe('seeds of the samples of training images'),
    seeds: seedsSchema(MOST_SEED).default([1]).describe('seeds of training, HAET_SEED'),
    budget: budgetSchema,
    predictSeconds: predictSeconds
      .unwrap()
      .optional()
      .describe('limit of predicting; default: that of the contest for every 1,000 held-out images'),
    arms: z
      .record(z.string(), wordsSchema)
      .transform((arms) => Object.entries(arms).map(([name, words]) => ({ name, words })))
      .describe('arguments added to the train command, by the name of the arm'),
    baseline: z.string().describe('name of the arm that the others are compared with'),
    search: searchSchema.default({ kind: 'grid' }),
  })
  .superRefine(({ arms, baseline }, context) => {
    const refuse = (path: string, message: string) =>
      context.addIssue({ code: 'custom', path: [path], message });
    if (arms.length < 2) refuse('arms', 'needs two arms or more');
    const names = arms.map(({ name }) => name);
    for (const name of names.filter((each) => !armName.test(each))) {
      refuse(
        'arms',
        `${JSON.stringify(name)} is not the name of an arm: 1 to 40 letters, digits, spaces and . _ + = -, the first a letter or digit`,
      );
    }
    if (!names.includes(baseline)) {
      refuse('baseline', `is not one of the arms (${names.join(', ')})`);
    }
    const withWords = new Map<string, string>();
    for (const { name, words } of arms) {
      const same = withWords.get(JSON.stringify(words));
      if (same !== undefined) refuse('arms', `${same} and ${name} have the same words`);
      withWords.set(JSON.stringify(words), name);
    }
  });
export type StudySpec = z.infer<typeof studySpecSchema>;
export type Arm = StudySpec['arms'][number];
