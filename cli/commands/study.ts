import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { UserError } from '../../datasets/userError.ts';
import { manifestFile } from '../../evaluator/contract.ts';
import { lockFolder } from '../../evaluator/machine/lockFolder.ts';
import { describeMachine } from '../../evaluator/machine/machine.ts';
import { referenceSubmission } from '../../evaluator/machine/runtime.ts';
import { inPercent } from '../../evaluator/report/format.ts';
import { verdicts } from '../../evaluator/run/verdict.ts';
import { liesIn } from '../../evaluator/sandbox/requireNotShown.ts';
import { cellsOf } from '../../evaluator/study/design.ts';
import { roundsOf } from '../../evaluator/study/halving.ts';
import type { Outcome } from '../../evaluator/study/outcome.ts';
import { readSpec } from '../../evaluator/study/readSpec.ts';
import type { StudyPlan, StudyResult } from '../../evaluator/study/runStudy.ts';
import type { StudySpec } from '../../evaluator/study/spec.ts';
import { doubtsOf } from '../../evaluator/study/table.ts';
import { addExecutorOptions, requireExecutorOptions } from '../options/executorOptions.ts';
import { cpusOption, memoryOption } from '../options/resourceOptions.ts';
import { imageOption, runtimeOption, sandboxOption } from '../options/sandboxOptions.ts';
import { requireEntry } from '../requireEntry.ts';
import { requireOut } from '../requireOut.ts';
import { readyEntry } from '../setUp.ts';
import { listenForStops } from '../stopSignals.ts';
import { type OpenRunner, type RunnerOptions, runnerHere, runnerOnSlurm } from '../studyRunner.ts';
import { prepareSamples } from '../studySamples.ts';
import { lastWordsOf } from '../summary.ts';
import { sayer, sayJson, tell } from '../terminal.ts';

interface Options extends RunnerOptions {
  readonly entry: string;
  readonly keepModels?: boolean;
  readonly json?: boolean;
}

/** `haet study`: compares variants of an entry over samples and seeds. */
export function studyCommand(command: Command): void {
  addExecutorOptions(command)
    .argument('<spec>', 'specification of the study, YAML or JSON; docs/study.md describes it')
    .option(
      '--entry <path>',
      `folder of the entry, with ${manifestFile}, or its archive`,
      referenceSubmission,
    )
    .requiredOption('--out <dir>', 'folder for the table, the samples and the runs; existing runs are reused')
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
  requireExecutorOptions(options);
  if (options.cancel) {
    const { cancelRunsIn } = await import('../slurmGrading.ts');
    return cancelRunsIn(options.out, 'study');
  }
  const spec = await readSpec(specFile);
  const given = await requireEntry(options.entry);
  requireOutside(given, specFile);
  await requireOut(options.out, given);
  const machine = await describeMachine();
  const isOnSlurm = options.executor === 'slurm';
  const entry = isOnSlurm ? given : await readyEntry(given, options.sandbox);
  const runner = isOnSlurm
    ? runnerOnSlurm(spec, entry, options)
    : await runnerHere(spec, entry, options, machine);
  const outFolder = resolve(options.out);
  await mkdir(join(outFolder, 'runs'), { recursive: true });
  const unlock = lockFolder(outFolder);
  const stops = listenForStops(tell);
  try {
    const samples = await prepareSamples(spec, outFolder, resolve(specFile), tell);
    const { cpus, memoryBytes } = runner;
    const plan: StudyPlan = {
      ...{ spec, entryPath: entry, samples, outFolder, machine, cpus, memoryBytes },
      keepModels: options.keepModels ?? false,
    };
    tell(...describePlan(spec));
    await runInTable(plan, await runner.open(outFolder), stops.abort, options);
  } finally {
    stops.close();
    unlock();
    runner.close();
  }
}

/** Runs the study, keeps its files up to date, and prints the table. */
async function runInTable(
  plan: StudyPlan,
  runner: OpenRunner,
  abort: AbortSignal,
  options: Options,
): Promise<void> {
  // Loaded here because they are too slow for --help.
  const { runStudy } = await import('../../evaluator/study/runStudy.ts');
  const { studyFiles, writeStudy, writeStudySoFar } = await import('../../evaluator/study/writeStudy.ts');
  const { formatTable } = await import('../../evaluator/study/studyText.ts');
  const result: StudyResult = await runStudy(plan, runner.executor, {
    abort,
    warn: (sentence) => runner.tell(sentence),
    starts: ({ arm, cell }, place, of) => {
      if (runner.startsAtOnce) runner.tell(`[${place} of ${of}] ${label(arm.name, cell)}  starts`);
    },
    ended: async (outcome, earlier) => {
      if (!earlier) runner.ended(outcome.record);
      runner.tell(
        `  ${label(outcome.arm, outcome.cell)}  ${describe(outcome)}${earlier ? ' (earlier)' : ''}`,
      );
      if (!earlier) runner.tell(...(await lastWordsOf(outcome.record)).map((line) => `    ${line}`));
    },
    progress: (soFar) => writeStudySoFar(plan.outFolder, soFar),
    stopsArms: (names, runs) => runner.tell(`Stopped after run ${runs} of each arm: ${names.join(', ')}.`),
  });
  const left = await runner.end(abort);
  const rows = await writeStudy(plan.outFolder, result);
  const files = Object.values(studyFiles).map((file) => `  ${join(plan.outFolder, file)}`);
  sayer(options)(...formatTable(rows), '', ...doubtsOf(result, rows), ...files);
  if (options.json) sayJson({ name: plan.spec.name, isComplete: result.isComplete, arms: rows });
  if (left.length > 0) {
    tell(
      `Runs go on in Slurm (job ${left.join(', ')}). Run the same command again to see them and take in their results; with --cancel it ends them.`,
    );
    if (options.detach && !abort.aborted) return;
  }
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

--executor slurm gives the runs to a cluster as tasks of array jobs; docs/cluster.md says what it needs. It takes an archive,
--cpus and --memory. Ctrl-C leaves the tasks running; the same command takes in their results, and with --cancel ends them.

Exit status:
   0  every run has a result, whatever its verdict
   2  wrong command line or specification, or the entry changed meanwhile
  30  a run has no result, because the machine failed it twice
  40  stopped by a person

Example:
  $ haet study label-smoothing.yaml --entry my-entry --out studies/label-smoothing
`;
