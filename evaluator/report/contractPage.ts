import { z } from 'zod';
import {
  environmentSchemas,
  limitsSchema,
  manifestFile,
  manifestSchema,
  predictionsFile,
  predictionsSchema,
  progressLineSchema,
  rowAgreement,
  type StageName,
  stageNames,
} from '../contract.ts';
import { archiveLimitsSchema } from '../intake/limits.ts';
import { verdicts } from '../run/verdict.ts';

/** Files of the smallest example entry, by name, to be shown in full. */
export type ExampleFiles = Record<string, string>;

/** The page of the contract for people (docs/contract.md), from the tables that the evaluator itself runs by. */
export function contractPage(example: ExampleFiles): string {
  const limits = limitsSchema.parse({});
  return `<!-- Made by \`npm run docs\` from evaluator/contract.ts, evaluator/run/verdict.ts and examples/plain-shell: change those. -->
# The contract
An entry is code that learns to classify small images. The evaluator runs it on a training set
within a time limit, then has it label images that it has not seen, and counts the correct labels.
Any language and any framework can be used. This page is everything that an entry can rely on.

**You write** a folder with your code and a file \`${manifestFile}\` that names two commands. **You get**
the training set, ${limits.trainSeconds} seconds, CPUs, memory and the environment variables below. Both commands
are started in your folder, without a shell, one after the other:

| | train | predict |
|---|---|---|
| reads | \`HAET_TRAIN_DIR\`: \`images.npy\` uint8 [trainSize, 32, 32, 3], \`labels.npy\` uint8 [trainSize] | \`HAET_TEST_IMAGES\`: uint8 [testSize, 32, 32, 3]; \`HAET_MODEL_DIR\`: what train left |
| writes | its model, in any form, into \`HAET_OUT_DIR\` | \`${predictionsFile}\` into \`HAET_OUT_DIR\` |
| limit | ${limits.trainSeconds} s | ${limits.predictSeconds} s |

Train from scratch: pretrained weights and other data are not allowed. Images are RGB, values 0 to
255. A label is an index into the list of classes, from 0.

## The smallest entry
${Object.entries(example)
  .map(([name, text]) => `\`${name}\`\n\`\`\`${name.split('.').at(-1)}\n${text.trimEnd()}\n\`\`\``)
  .join('\n\n')}

It predicts the most frequent label. \`haet dry-run --entry examples/plain-shell --budget 10\` runs
and scores it. An entry that learns, in PyTorch, is in
[examples/pytorch](../examples/pytorch/README.md).

## ${manifestFile}
${fieldTable(manifestSchema)}

No other field is allowed. A program name without a slash is looked up on the PATH below. The PATH
of your shell is not passed on: name a program in a virtual environment by its absolute path.

## The archive
An entry is submitted as a \`tar\` or \`tar.gz\` archive. \`haet pack FOLDER --out entry.tar.gz\`
makes one, and \`haet check entry.tar.gz\` checks it as the organizer's evaluator will. It may
contain regular files and folders only: no links, devices or pipes, no absolute paths, no \`..\`,
and no two names that differ only in case. Its limits:

${fieldTable(archiveLimitsSchema)}

## Environment
A stage gets these environment variables and no others.

### Both stages
${environmentTable(['train', 'predict'])}

### Train only
${environmentTable(['train'])}

### Predict only
${environmentTable(['predict'])}

## Clocks
- The clock of a stage starts with its process: starting the runtime, imports and compilation count.
- At the limit every process of the entry is killed. Predict gets what is in \`HAET_OUT_DIR\` at
  that moment.
- Save checkpoints while you train, and save them atomically: write a temporary file in the same
  folder, then rename it. An entry that was stopped but had saved a model is scored
  (\`SCORED_SALVAGED\`); one that had saved nothing is not (\`NO_OUTPUT\`).
- A stage may end before its limit. Exit status 0 means success.

${fieldTable(limitsSchema)}

## ${predictionsFile}
An array in NumPy's .npy format, as \`numpy.save\` writes a contiguous float32 array.

${fieldTable(predictionsSchema)}

A row must depend only on the model and its own image: the predict stage does not train, and does
not use the other test images, their order or random numbers. To check this, predict runs a second
time in a fresh sandbox, on as many test images: a few of the same images, repeated. Each row must
agree with the row that the first run gave that image: no score differs by more than
${100 * rowAgreement.tolerance} % of the range of the row (highest minus lowest score), and the same class has the
highest score. If more than ${100 * rowAgreement.share} % of the rows disagree, and more than one row, the verdict
is \`RULE_VIOLATION\`. The first run is scored. The second has the same limits and must succeed too.

Every value must be finite. Scores need not be probabilities; for log-loss and calibration, the
report takes the softmax of each row.

## Progress lines (optional)
One JSON object per line on file descriptor 3, in the train stage. They are shown live, recorded and
plotted, and never used for the score. Other fields are recorded as they are.

\`\`\`json
{"step": 120, "epoch": 6.0, "loss": 1.034, "accuracy": 0.62, "imagesPerSecond": 610}
\`\`\`

${fieldTable(progressLineSchema)}

If the train stage writes a file \`settings.json\` into \`HAET_OUT_DIR\`, the report shows it.

## Verdicts
Every run ends with one of these verdicts and the evidence for it.

| verdict | exit status | owner | meaning | what to do |
|---|---|---|---|---|
${Object.entries(verdicts)
  .map(
    ([code, { exitCode, owner, meaning, advice }]) =>
      `| \`${code}\` | ${exitCode} | ${owner} | ${cell(meaning)} | ${cell(advice)} |`,
  )
  .join('\n')}

The exit status is that of the \`haet\` command. Status 2 means that the command line or an input
was wrong and that nothing was run.
`;
}

interface JsonField {
  description?: string;
  type?: string;
  const?: unknown;
  default?: unknown;
  items?: { type?: string };
  prefixItems?: unknown[];
}

/** The fields of an object schema as a table: name, type, default or need, meaning. */
function fieldTable(schema: z.ZodType): string {
  const { properties = {}, required = [] } = z.toJSONSchema(schema, { io: 'input' }) as {
    properties?: Record<string, JsonField>;
    required?: string[];
  };
  const rows = Object.entries(properties).map(([name, field]) => {
    const need = required.includes(name)
      ? 'required'
      : field.default === undefined
        ? 'optional'
        : `default ${field.default}`;
    return `| \`${name}\` | ${typeText(field)} | ${need} | ${cell(field.description ?? '')} |`;
  });
  return ['| field | type | | meaning |', '|---|---|---|---|', ...rows].join('\n');
}

function typeText({ type, const: constant, items, prefixItems }: JsonField): string {
  if (constant !== undefined) return `\`${JSON.stringify(constant)}\``;
  if (prefixItems) return `list of ${prefixItems.length}`;
  if (type === 'array') return `list of ${items?.type ?? 'value'}s`;
  return type ?? 'any';
}

/** The variables that exactly these stages get; where a variable has a fixed value, each stage's value is named. */
function environmentTable(stages: StageName[]): string {
  const variables = new Map<string, { stages: StageName[]; meaning: string; values: Set<unknown> }>();
  for (const stage of stageNames) {
    const { properties } = z.toJSONSchema(environmentSchemas[stage]) as {
      properties: Record<string, JsonField>;
    };
    for (const [name, { description = '', const: value }] of Object.entries(properties)) {
      const variable = variables.get(name) ?? { stages: [], meaning: description, values: new Set() };
      variable.stages.push(stage);
      if (value !== undefined) variable.values.add(value);
      variables.set(name, variable);
    }
  }
  const rows = [...variables]
    .filter(([, variable]) => variable.stages.join() === stages.join())
    .map(([name, { meaning, values }]) => {
      const named = [...values].map((value) => `\`${value}\``).join(' or ');
      return `| \`${name}\` | ${cell(meaning)}${named && `: ${named}`} |`;
    });
  return ['| variable | meaning |', '|---|---|', ...rows].join('\n');
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
