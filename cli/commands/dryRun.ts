import { basename, join } from 'node:path';
import type { Command } from 'commander';
import { UserError } from '../../datasets/userError.ts';
import { manifestFile } from '../../evaluator/contract.ts';
import { entryMemoryBytes } from '../../evaluator/machine/entryMemory.ts';
import { describeMachine } from '../../evaluator/machine/machine.ts';
import { machineLockHolder } from '../../evaluator/machine/machineLock.ts';
import { referenceSubmission } from '../../evaluator/machine/runtime.ts';
import { tryPage } from '../../evaluator/report/tryPage.ts';
import type { RunRecord } from '../../evaluator/run/record.ts';
import type { RunPlan } from '../../evaluator/run/runEntry.ts';
import { verdicts } from '../../evaluator/run/verdict.ts';
import { createSandbox } from '../../evaluator/sandbox/createSandbox.ts';
import { requireNotShown } from '../../evaluator/sandbox/requireNotShown.ts';
import type { Sandbox, SandboxKind } from '../../evaluator/sandbox/sandbox.ts';
import { spreadOf } from '../../evaluator/score/statistics.ts';
import { adviceOf } from '../adviceOf.ts';
import { addIntakeOptions, type IntakeOptions, intakeLimits } from '../options/intakeOptions.ts';
import { integer, runSeed } from '../options/numberOption.ts';
import { cpusOption, memoryOption } from '../options/resourceOptions.ts';
import {
  type ContainerOptions,
  imageOption,
  runtimeOption,
  sandboxOption,
} from '../options/sandboxOptions.ts';
import { budgetOption, predictLimitOption, type StageLimitOptions } from '../options/stageLimits.ts';
import { prepareTrack } from '../prepareTrack.ts';
import { requireEntry } from '../requireEntry.ts';
import { requireOut } from '../requireOut.ts';
import { runInView } from '../runInView.ts';
import { runsFolderFor } from '../runsFolder.ts';
import { readyEntry } from '../setUp.ts';
import { listenForStops } from '../stopSignals.ts';
import { lastWordsOf, summarise, summariseSpread } from '../summary.ts';
import { sayer, sayJson, tell, warn } from '../terminal.ts';

interface Options extends StageLimitOptions, ContainerOptions, IntakeOptions {
  readonly entry: string;
  readonly entryArg?: string[];
  readonly track?: string;
  readonly from?: string;
  readonly testPerClass: number;
  readonly seed: number;
  readonly seeds: number;
  readonly cpus?: number;
  readonly memory?: number;
  readonly sandbox: SandboxKind;
  readonly out?: string;
  readonly json?: boolean;
}

/** `haet dry-run`: trains and scores an entry on this machine as in the contest. */
export function dryRunCommand(command: Command): void {
  command
    .option(
      '--entry <path>',
      `folder of the entry, with ${manifestFile}, or its archive`,
      referenceSubmission,
    )
    .option(
      '--entry-arg <word>',
      'argument added to the train command of the entry; may be repeated',
      collect,
    )
    .option('--track <dir>', 'existing Track to train and score on')
    .option('--from <file>', 'CIFAR-10, its cifar-10-binary.tar.gz or the unpacked folder')
    .option('--test-per-class <n>', 'held-out images per class, if a Track is drawn', integer(1, 10_000), 100)
    .addOption(budgetOption())
    .addOption(predictLimitOption())
    .option('--seed <n>', 'seed of the run', runSeed, 1)
    .option(
      '--seeds <n>',
      'number of runs, with seeds counting up from --seed; reports mean and spread',
      integer(1, 1000),
      1,
    )
    .addOption(cpusOption())
    .addOption(memoryOption())
    .addOption(sandboxOption())
    .addOption(imageOption())
    .addOption(runtimeOption())
    .option(
      '--out <dir>',
      "parent of the run's folder (default: runs; beside the entry if the current folder is in it)",
    )
    .option(
      '--json',
      'last line on standard output: the record of the run, or with --seeds a list of records',
    )
    .addHelpText('after', help())
    .action(dryRun);
  addIntakeOptions(command);
}

async function dryRun(words: Options): Promise<void> {
  const options = { ...words, out: words.out ?? runsFolderFor(words.entry) };
  const given = await requireEntry(options.entry);
  await requireOut(options.out, given);
  if (options.track !== undefined && options.from !== undefined) {
    throw new UserError('--track and --from cannot be combined: a Track needs no source.');
  }
  const entry = await readyEntry(given, options.sandbox);
  const machine = await describeMachine();
  const memoryBytes = entryMemoryBytes(machine, options.memory);
  const sandbox = await createSandbox(options.sandbox, options);
  const track = await prepareTrack(options, tell);
  try {
    await runSeeds(options, { entry, machine, memoryBytes, sandbox, track });
  } finally {
    await track.close();
  }
}

/** The options with their defaults. */
type Settled = Options & Required<Pick<Options, 'out'>>;

/** What the runs of all seeds have in common. */
interface Setting extends Required<Pick<RunPlan, 'machine' | 'memoryBytes' | 'track'>> {
  /** Folder or archive of the entry. */
  readonly entry: string;
  readonly sandbox: Sandbox;
}

/** Runs the entry with every seed and prints the results. */
async function runSeeds(
  options: Settled,
  { entry, machine, memoryBytes, sandbox, track }: Setting,
): Promise<void> {
  requireNotShown(sandbox, { 'the Track': track.dir, '--out': options.out }, entry);
  tell(
    `Track: ${track.info.name}; ${track.info.trainSize} training images, ${track.info.testSize} held-out images.`,
  );

  // Loaded here: it is too slow for --help, and later an entry may have changed the files.
  const { writeReport } = await import('../../evaluator/report/report.ts');
  const { writeSeedsReport } = await import('../../evaluator/report/seedsReport.ts');
  const holder = machineLockHolder();
  if (holder !== null) tell(`Process ${holder} is timing a run on this machine, and this run slows it down.`);
  const stops = listenForStops(tell);
  const records: RunRecord[] = [];
  for (let run = 0; run < options.seeds && !stops.interrupt.aborted && !stops.abort.aborted; run++) {
    const plan: RunPlan = {
      entryPath: entry,
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
    const report = await tryPage(() => writeReport(record.folder, { trackDir: track.dir }), warn);
    sayer(options)(...summarise(record, report, await lastWordsOf(record), await adviceOf(record)));
  }
  stops.close();

  const accuracies = records.flatMap((record) => record.score?.accuracy ?? []);
  if (options.seeds > 1 && accuracies.length > 0) {
    const folders = records.map((record) => record.folder);
    const file = join(options.out, `${basename(folders[0]!)}-to-s${records.at(-1)!.seed}.html`);
    const report = await tryPage(() => writeSeedsReport(folders, file), warn);
    sayer(options)(...summariseSpread(spreadOf(accuracies), report));
  }
  if (options.json) {
    sayJson(options.seeds > 1 ? records : records[0]);
  }
  process.exitCode =
    records.map((record) => verdicts[record.verdict].exitCode).find((code) => code !== 0) ?? 0;
}

function collect(word: string, words: string[] = []): string[] {
  return [...words, word];
}

function help(): string {
  const codes = new Map<number, string[]>();
  for (const [code, { exitCode }] of Object.entries(verdicts)) {
    codes.set(exitCode, [...(codes.get(exitCode) ?? []), code]);
  }
  const rows = [...codes, [2, ['wrong command line']] as const]
    .sort(([a], [b]) => a - b)
    .map(([status, names]) => `  ${String(status).padStart(2)}  ${names.join(', ')}`);
  return `
Ctrl-C ends training early and scores what it has saved; a second Ctrl-C stops the run without a score.

Exit status:
${rows.join('\n')}

Example:
  $ haet dry-run --from cifar-10-binary.tar.gz --budget 60
`;
}
