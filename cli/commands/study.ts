import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { UserError } from '../../datasets/userError.ts';
import { manifestFile } from '../../evaluator/contract.ts';
import type { Slot } from '../../evaluator/grade/localExecutor.ts';
import { requireSeparable, type Shares, shareMachine } from '../../evaluator/grade/shareMachine.ts';
import { entryMemoryBytes } from '../../evaluator/machine/entryMemory.ts';
import { lockFolder } from '../../evaluator/machine/lockFolder.ts';
import { describeMachine } from '../../evaluator/machine/machine.ts';
import { referenceSubmission } from '../../evaluator/machine/runtime.ts';
import { inPercent } from '../../evaluator/report/format.ts';
import { verdicts } from '../../evaluator/run/verdict.ts';
import { createSandbox } from '../../evaluator/sandbox/createSandbox.ts';
import { liesIn, requireNotShown } from '../../evaluator/sandbox/requireNotShown.ts';
import type { Sandbox, SandboxKind } from '../../evaluator/sandbox/sandbox.ts';
import { cellsOf } from '../../evaluator/study/design.ts';
import { roundsOf } from '../../evaluator/study/halving.ts';
import type { Outcome } from '../../evaluator/study/outcome.ts';
import { readSpec } from '../../evaluator/study/readSpec.ts';
import type { StudyPlan, StudyResult } from '../../evaluator/study/runStudy.ts';
import type { StudySpec } from '../../evaluator/study/spec.ts';
import { doubtsOf } from '../../evaluator/study/table.ts';
import { jobsOption } from '../options/executorOptions.ts';
import { cpusOption, memoryOption } from '../options/resourceOptions.ts';
import {
  type ContainerOptions,
  imageOption,
  runtimeOption,
  sandboxOption,
} from '../options/sandboxOptions.ts';
import { requireEntry } from '../requireEntry.ts';
import { requireOut } from '../requireOut.ts';
import { readyEntry } from '../setUp.ts';
import { listenForStops } from '../stopSignals.ts';
import { prepareSamples } from '../studySamples.ts';
import { lastWordsOf } from '../summary.ts';
import { sayer, sayJson, tell } from '../terminal.ts';
import { lockForTiming } from '../timedRun.ts';

interface Options extends ContainerOptions {
  readonly entry: string;
  readonly out: string;
  readonly jobs: number;
  readonly cpus?: number;
  readonly memory?: number;
  readonly sandbox: SandboxKind;
  readonly keepModels?: boolean;
  readonly json?: boolean;
}

/** `haet study`: compares variants of an entry over samples and seeds. */
export function studyCommand(command: Command): void {
  command
    .argument('<spec>', 'specification of the study, YAML or JSON; docs/study.md describes it')
    .option(
      '--entry <path>',
      `folder of the entry, with ${manifestFile}, or its archive`,
      referenceSubmission,
    )
    .requiredOption('--out <dir>', 'folder for the table, the samples and the runs; existing runs are reused')
    .addOption(jobsOption())
    .addOption(cpusOption())
    .addOption(memoryOption())
    .addOption(sandboxOption())
    .addOption(imageOption())
    .addOption(runtimeOption())
    .option('--keep-models', 'keep the models, which are otherwise removed after hashing')
    .option('--json', 'last line on standard output: the table')
    .addHelpText('after', help)
    .action(study);
}

async function study(specFile: string, options: Options): Promise<void> {
  const spec = await readSpec(specFile);
  const given = await requireEntry(options.entry);
  requireOutside(given, specFile);
  await requireOut(options.out, given);
  const entry = await readyEntry(given, options.sandbox);
  const machine = await describeMachine();
  // Fails before anything is created.
  entryMemoryBytes(machine, options.memory);
  const shares = sharesOf(options, machine);
  // With another budget than time, a busy machine changes no result.
  const unlockMachine = spec.budget.kind === 'seconds' ? lockForTiming(tell) : () => {};
  const sandbox = await createSandbox(options.sandbox, options);
  requireNotShown(sandbox, { '--out': options.out }, entry);
  const outFolder = resolve(options.out);
  await mkdir(join(outFolder, 'runs'), { recursive: true });
  const unlock = lockFolder(outFolder);
  const stops = listenForStops(tell);
  try {
    const samples = await prepareSamples(spec, outFolder, resolve(specFile), tell);
    const plan: StudyPlan = {
      spec,
      entryPath: entry,
      samples,
      outFolder,
      machine,
      cpus: shares?.cpus ?? options.cpus ?? machine.cores,
      memoryBytes: shares?.memoryBytes ?? options.memory,
      keepModels: options.keepModels ?? false,
    };
    tell(...describePlan(spec));
    if (options.jobs > 1 && spec.budget.kind === 'seconds') {
      tell(
        `${options.jobs} runs at once share the bandwidth of the memory: each does less in ${spec.budget.trainSeconds} s than it would alone.`,
      );
    }
    const sets = shares?.cpuSets ?? [null];
    const slots = sets.map((cpuSet): Slot => ({ cpuSet, track: null }));
    await runInTable(plan, { sandbox, slots, abort: stops.abort }, options);
  } finally {
    stops.close();
    unlock();
    unlockMachine();
  }
}

/** Returns what each of several runs at once gets; null for one after the other. */
function sharesOf(
  { jobs, cpus, memory, sandbox: kind }: Options,
  machine: Parameters<typeof shareMachine>[2],
): Shares | null {
  if (jobs === 1) return null;
  requireSeparable(jobs, { kind }, false);
  return shareMachine(jobs, { cpus, memoryBytes: memory }, machine);
}

/** Runs the study, keeps its files up to date, and prints the table. */
async function runInTable(
  plan: StudyPlan,
  {
    sandbox,
    slots,
    abort,
  }: { readonly sandbox: Sandbox; readonly slots: readonly Slot[]; readonly abort: AbortSignal },
  options: Options,
): Promise<void> {
  // Loaded here because they are too slow for --help.
  const { runStudy } = await import('../../evaluator/study/runStudy.ts');
  const { createLocalExecutor } = await import('../../evaluator/grade/localExecutor.ts');
  const { studyFiles, writeStudy, writeStudySoFar } = await import('../../evaluator/study/writeStudy.ts');
  const { formatTable } = await import('../../evaluator/study/studyText.ts');
  const result: StudyResult = await runStudy(plan, createLocalExecutor(sandbox, slots), {
    abort,
    warn: (sentence) => tell(sentence),
    starts: ({ arm, cell }, place, of) => tell(`[${place} of ${of}] ${label(arm.name, cell)}  starts`),
    ended: async (outcome, earlier) => {
      tell(`  ${label(outcome.arm, outcome.cell)}  ${describe(outcome)}${earlier ? ' (earlier)' : ''}`);
      if (!earlier) tell(...(await lastWordsOf(outcome.record)).map((line) => `    ${line}`));
    },
    progress: (soFar) => writeStudySoFar(plan.outFolder, soFar),
    stopsArms: (names, runs) => tell(`Stopped after run ${runs} of each arm: ${names.join(', ')}.`),
  });
  const rows = await writeStudy(plan.outFolder, result);
  const files = Object.values(studyFiles).map((file) => `  ${join(plan.outFolder, file)}`);
  sayer(options)(...formatTable(rows), '', ...doubtsOf(result, rows), ...files);
  if (options.json) sayJson({ name: plan.spec.name, isComplete: result.isComplete, arms: rows });
  if (!result.isComplete) process.exitCode = verdicts[abort.aborted ? 'ABORTED' : 'INFRA_FAULT'].exitCode;
}

const label = (arm: string, { sample, seed }: Outcome['cell']): string =>
  `${arm}, sample ${sample}, seed ${seed}`;

function describe({ record, accuracy }: Outcome): string {
  const because = record.verdict === 'SCORED' ? '' : `; ${record.evidence[0]}`;
  return `${record.verdict}${accuracy === null ? ', no accuracy' : `  ${inPercent(accuracy, 2)} %`}${because}`;
}

function describePlan(spec: StudySpec): string[] {
  const { arms, budget, search } = spec;
  const cells = cellsOf(spec).length;
  const rounds = roundsOf(search, cells).map(({ runs }) => runs);
  return [
    `${spec.name}: ${arms.length} arms; runs of each: ${cells} (samples: ${spec.samples.length}, seeds: ${spec.seeds.length}); ${
      budget.kind === 'seconds' ? `${budget.trainSeconds} s of training` : budget.words.join(' ')
    }.`,
    ...(search.kind === 'halving' && rounds.length > 1
      ? [
          `Halving: of the arms other than ${spec.baseline}, one of ${search.factor} goes on after run ${rounds.slice(0, -1).join(', ')}.`,
        ]
      : []),
  ];
}

/** Editing a specification in the entry would make the entry another one, and no earlier run would apply. */
function requireOutside(entry: string, specFile: string): void {
  if (!liesIn(specFile, entry)) return;
  throw new UserError({
    path: resolve(specFile),
    reason: `lies in the entry, ${entry}, and would be part of it`,
    remedy: 'Move it out of that folder.',
  });
}

const help = `
A run whose record is in --out, on the same terms (entry, words, budget, sample, seed, CPUs, sandbox), is not made again.
So the same command resumes after a stop or a kill, and a changed specification keeps the runs that still apply. Ctrl-C
stops the current runs and writes the table.

--jobs N makes N runs at once and divides CPUs and memory among them. With a budget in seconds they slow each other down,
because they share the memory's bandwidth.

Exit status:
   0  every run has a result, whatever its verdict
   2  wrong command line or specification, or the entry changed meanwhile
  30  a run has no result, because the machine failed it twice
  40  stopped by a person

Example:
  $ haet study label-smoothing.yaml --entry my-entry --out studies/label-smoothing
`;
