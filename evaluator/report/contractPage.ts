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
# The contract with an entry
You send code that learns to tell small pictures apart. The evaluator runs it on a training set within a time limit,
then has it label pictures that it has never seen, and counts the right ones. Any language and any framework will do.
This page is all that an entry may rely on.

**You write** a folder with your code and a file \`${manifestFile}\` that names two commands. **You are given** the
training set, ${limits.trainSeconds} seconds, some CPUs and memory, and what the environment says. Both commands are
started in your folder, without a shell, one after the other:

| | train | predict |
|---|---|---|
| reads | \`HAET_TRAIN_DIR\`: \`images.npy\` uint8 [trainSize, 32, 32, 3], \`labels.npy\` uint8 [trainSize] | \`HAET_TEST_IMAGES\`: uint8 [testSize, 32, 32, 3]; \`HAET_MODEL_DIR\`: what train left |
| writes | anything, into \`HAET_OUT_DIR\` | \`${predictionsFile}\`, into \`HAET_OUT_DIR\` |
| time | ${limits.trainSeconds} s | ${limits.predictSeconds} s |

Train from scratch: no pretrained weights and no other data. Images are red, green, blue, 0 to 255; a label is an index
into the classes, from 0.

## The smallest entry
${Object.entries(example)
  .map(([name, text]) => `\`${name}\`\n\`\`\`${name.split('.').at(-1)}\n${text.trimEnd()}\n\`\`\``)
  .join('\n\n')}

It predicts the commonest label, and it is complete: \`haet dry-run --entry examples/plain-shell --budget 10\` scores
it. A real one, in PyTorch, is in [examples/pytorch](../examples/pytorch/README.md).

## ${manifestFile}
${fieldTable(manifestSchema)}

No other field is allowed. Programs without a slash are looked up on the PATH below; your own shell's PATH, an activated
virtual environment for one, is not passed on, so name such a program by its absolute path.

## The archive
An entry is sent in as \`tar\` or \`tar.gz\`; \`haet pack FOLDER --out entry.tar.gz\` makes one and \`haet check\` says what
intake will say of it. Regular files and folders only: no links, devices or pipes, no absolute paths, no \`..\`, no two
names that differ in case alone. At most:

${fieldTable(archiveLimitsSchema)}

## Environment
These variables and no others.

### Both stages
${environmentTable(['train', 'predict'])}

### Train only
${environmentTable(['train'])}

### Predict only
${environmentTable(['predict'])}

## Clocks
- A stage's clock starts with its process: the start of the runtime, imports and compilation count.
- At the limit everything the entry started is killed. What lies in \`HAET_OUT_DIR\` at that moment is what predict gets.
- So save as you go, whole or not at all: write a temporary file beside, then rename it. An entry that was cut but had
  saved is scored (\`SCORED_SALVAGED\`); one that had saved nothing is not (\`NO_OUTPUT\`).
- Ending early is fine. Exit status 0 means success.

${fieldTable(limitsSchema)}

## ${predictionsFile}
NumPy's format; \`numpy.save\` of a contiguous float32 array writes it.

${fieldTable(predictionsSchema)}

A row depends on the model and on its own image alone: the predict stage does not train, and makes no use of the other
test images, of their order or of chance. So predict is run a second time, in a fresh sandbox, on as many test images, which
are a few of the same ones repeated, and each row must be the one that the first run gave that image: no score differs by more than
${100 * rowAgreement.tolerance} % of the row's range (highest minus lowest score), and the same class is highest. Where more than
${100 * rowAgreement.share} % of the rows, and more than one, are not so, the verdict is \`RULE_VIOLATION\`. The first run is the one that is
scored; the second has the same limits, and must end as well.

Every value must be finite. Scores need not be probabilities; log-loss and calibration in the report take their softmax.

## Progress lines (optional)
One JSON object a line on file descriptor 3, in the train stage. They are shown live, kept and plotted, never used for
the score. Further fields are kept as they are.

\`\`\`json
{"step": 120, "epoch": 6.0, "loss": 1.034, "accuracy": 0.62, "imagesPerSecond": 610}
\`\`\`

${fieldTable(progressLineSchema)}

A file \`settings.json\` in the train stage's \`HAET_OUT_DIR\`, if there is one, is shown in the report.

## Verdicts
Every run ends in one of these, with the evidence it was drawn from.

| verdict | exit status | owner | meaning | what to do |
|---|---|---|---|---|
${Object.entries(verdicts)
  .map(
    ([code, { exitCode, owner, meaning, advice }]) =>
      `| \`${code}\` | ${exitCode} | ${owner} | ${cell(meaning)} | ${cell(advice)} |`,
  )
  .join('\n')}

The exit status is that of the \`haet\` command. Status 2 means that the command line or an input was wrong and nothing
was run.
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
