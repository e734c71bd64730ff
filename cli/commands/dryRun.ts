import { constants, existsSync, statSync } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { Command } from 'commander';
import { UserError } from '../../datasets/userError.ts';
import { limitsSchema, manifestFile } from '../../evaluator/contract.ts';
import { entryMemoryBytes } from '../../evaluator/machine/entryMemory.ts';
import { describeMachine } from '../../evaluator/machine/machine.ts';
import { machineLockHolder } from '../../evaluator/machine/machineLock.ts';
import { projectFolder } from '../../evaluator/machine/version.ts';
import type { RunRecord } from '../../evaluator/run/record.ts';
import type { RunPlan } from '../../evaluator/run/runEntry.ts';
import { verdicts } from '../../evaluator/run/verdict.ts';
import { createSandbox } from '../../evaluator/sandbox/createSandbox.ts';
import { requireNotShown } from '../../evaluator/sandbox/requireNotShown.ts';
import type { SandboxKind } from '../../evaluator/sandbox/sandbox.ts';
import { spreadOf } from '../../evaluator/score/statistics.ts';
import { addIntakeOptions, type IntakeOptions, intakeLimits } from '../intakeOptions.ts';
import { numberOption } from '../numberOption.ts';
import { prepareTrack } from '../prepareTrack.ts';
import { runInView } from '../runInView.ts';
import { imageOption, runtimeOption, sandboxOption } from '../sandboxOption.ts';
import { listenForStops } from '../stopSignals.ts';
import { lastWordsOf, summarise, summariseSpread } from '../summary.ts';
import { sayer, sayJson, tell } from '../terminal.ts';

interface Options extends IntakeOptions {
  readonly entry: string;
  readonly entryArg?: string[];
  readonly track?: string;
  readonly from?: string;
  readonly testPerClass: number;
  readonly budget: number;
  readonly predictLimit: number;
  readonly seed: number;
  readonly seeds: number;
  readonly cpus?: number;
  readonly memory?: number;
  readonly sandbox: SandboxKind;
  readonly image?: string;
  readonly runtime?: string;
  readonly out: string;
  readonly json?: boolean;
}

const defaults = limitsSchema.parse({});
const referenceSubmission = join(projectFolder, 'dist/submission');
const seconds = numberOption({ min: 0.001, max: 86_400 });

/** `haet dry-run`: trains and scores an entry on this machine, as the contest would. */
export function dryRunCommand(command: Command): void {
  command
    .option(
      '--entry <path>',
      `folder of the entry, with ${manifestFile}, or its archive`,
      referenceSubmission,
    )
    .option('--entry-arg <word>', 'word added to the train command of the entry; may be repeated', collect)
    .option('--track <dir>', 'a ready Track to train and score on')
    .option('--from <file>', 'CIFAR-10, its cifar-10-binary.tar.gz or the folder unpacked from it')
    .option(
      '--test-per-class <n>',
      'held-out images a class, where a Track is drawn',
      numberOption({ min: 1, max: 10_000, integer: true }),
      100,
    )
    .option('--budget <seconds>', 'limit of the train stage', seconds, defaults.trainSeconds)
    .option('--predict-limit <seconds>', 'limit of the predict stage', seconds, defaults.predictSeconds)
    .option('--seed <n>', 'seed of the run', numberOption({ min: 0, max: 2 ** 31 - 1, integer: true }), 1)
    .option(
      '--seeds <n>',
      'repeat with as many seeds, counting up from --seed; report mean and spread',
      numberOption({ min: 1, max: 1000, integer: true }),
      1,
    )
    .option(
      '--cpus <n>',
      'CPUs that the entry is told to use (default: all)',
      numberOption({ min: 1, max: 4096, integer: true }),
    )
    .option(
      '--memory <bytes>',
      'memory that the entry is told to use (default: all but a share for the evaluator)',
      numberOption({ min: 1, max: Number.MAX_SAFE_INTEGER, integer: true }),
    )
    .addOption(sandboxOption())
    .addOption(imageOption())
    .addOption(runtimeOption())
    .option('--out <dir>', 'the folder of the run is made in this one', 'runs')
    .option('--json', 'last line on standard output: the record of the run, or with --seeds the list of them')
    .addHelpText('after', help())
    .action(dryRun);
  addIntakeOptions(command);
}

async function dryRun(options: Options): Promise<void> {
  requireEntry(options.entry);
  await requireFolder(options.out);
  if (options.track !== undefined && options.from !== undefined) {
    throw new UserError(
      '--track and --from exclude each other: a Track is ready, its source is not looked at.',
    );
  }
  const machine = await describeMachine();
  const memoryBytes = entryMemoryBytes(machine, options.memory);
  const sandbox = await createSandbox(options.sandbox, options);
  const track = await prepareTrack(options, tell);
  requireNotShown(sandbox, { 'the Track': track.dir, '--out': options.out }, options.entry);
  tell(
    `Track: ${track.info.name}; ${track.info.trainSize} images to train on, ${track.info.testSize} held out.`,
  );

  // Slow to load, so not for --help; nor later, when an entry may have changed the files.
  const { writeReport } = await import('../../evaluator/report/report.ts');
  const { writeSeedsReport } = await import('../../evaluator/report/seedsReport.ts');
  const holder = machineLockHolder();
  if (holder !== null)
    tell(`Process ${holder} times a run on this machine: this one takes its time from it.`);
  const stops = listenForStops(tell);
  const records: RunRecord[] = [];
  for (let run = 0; run < options.seeds && !stops.interrupt.aborted && !stops.abort.aborted; run++) {
    const plan: RunPlan = {
      entryPath: options.entry,
      entryArguments: options.entryArg ?? [],
      track,
      runsFolder: options.out,
      seed: options.seed + run,
      limits: { trainSeconds: options.budget, predictSeconds: options.predictLimit },
      cpus: options.cpus ?? machine.cores,
      memoryBytes,
      machine,
      intake: intakeLimits(options),
    };
    const record = await runInView(plan, sandbox, stops);
    records.push(record);
    const report = await page(() => writeReport(record.folder, { trackDir: track.dir }));
    sayer(options)(...summarise(record, report, await lastWordsOf(record)));
  }
  stops.close();

  const accuracies = records.flatMap((record) => record.score?.accuracy ?? []);
  if (options.seeds > 1 && accuracies.length > 0) {
    const folders = records.map((record) => record.folder);
    const file = join(options.out, `${basename(folders[0]!)}-to-s${records.at(-1)!.seed}.html`);
    const report = await page(() => writeSeedsReport(folders, file));
    sayer(options)(...summariseSpread(spreadOf(accuracies), report));
  }
  if (options.json) {
    sayJson(options.seeds > 1 ? records : records[0]);
  }
  process.exitCode =
    records.map((record) => verdicts[record.verdict].exitCode).find((code) => code !== 0) ?? 0;
}

/** The score is safe in record.json by now; a page that cannot be made must not lose it. */
async function page(write: () => Promise<string>): Promise<string | null> {
  try {
    return await write();
  } catch (error) {
    tell(`haet: the report could not be written: ${(error as Error).message}`);
    return null;
  }
}

/** Found out before ten minutes are spent, and without making anything yet. */
async function requireFolder(out: string): Promise<void> {
  let nearest = resolve(out);
  while (!existsSync(nearest)) nearest = dirname(nearest);
  try {
    if (!(await stat(nearest)).isDirectory()) throw Object.assign(new Error(), { code: 'ENOTDIR' });
    await access(nearest, constants.W_OK | constants.X_OK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new UserError(
      `--out ${resolve(out)} cannot be written to (${code}). Give a folder that you may make or write to.`,
    );
  }
}

function requireEntry(entry: string): void {
  const facts = statSync(entry, { throwIfNoEntry: false });
  if (facts?.isFile() || existsSync(join(entry, manifestFile))) return;
  throw new UserError(
    entry === referenceSubmission
      ? `the reference submission is not built (${entry}). Run \`npm run setup\` in the clone.`
      : `--entry names ${resolve(entry)}, which has no ${manifestFile}. Give the folder of an entry or its archive.`,
  );
}

function collect(word: string, words: string[] = []): string[] {
  return [...words, word];
}

function help(): string {
  const codes = new Map<number, string[]>();
  for (const [code, { exitCode }] of Object.entries(verdicts)) {
    codes.set(exitCode, [...(codes.get(exitCode) ?? []), code]);
  }
  const rows = [...codes, [2, ['a mistake on the command line']] as const]
    .sort(([a], [b]) => a - b)
    .map(([status, names]) => `  ${String(status).padStart(2)}  ${names.join(', ')}`);
  return `
Ctrl-C ends training early and scores what it has saved; a second one stops without a score.

Exit status:
${rows.join('\n')}

Example:
  $ haet dry-run --from cifar-10-binary.tar.gz --budget 60
`;
}
