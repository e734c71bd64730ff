import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { UserError } from '../../datasets/userError.ts';
import { type Attestor, createAttestor } from '../../evaluator/attest/attestor.ts';
import { requireChain } from '../../evaluator/attest/chain.ts';
import type { Canary } from '../../evaluator/grade/canary/canary.ts';
import type { GradePlan, Job } from '../../evaluator/grade/gradeArchives.ts';
import { publicFolder } from '../../evaluator/grade/gradedFolders.ts';
import type { Row } from '../../evaluator/grade/leaderboard.ts';
import { type LeftOut, listArchives, type Submission } from '../../evaluator/grade/listArchives.ts';
import type { Slot } from '../../evaluator/grade/localExecutor.ts';
import { addReceipts } from '../../evaluator/grade/receipts.ts';
import { shareGpus } from '../../evaluator/grade/shareGpus.ts';
import { requireSeparable, shareMachine } from '../../evaluator/grade/shareMachine.ts';
import type { Standing } from '../../evaluator/grade/standing.ts';
import { leaderboardFiles } from '../../evaluator/grade/writeStanding.ts';
import { evaluatorCommit } from '../../evaluator/machine/commit.ts';
import { entryMemoryBytes } from '../../evaluator/machine/entryMemory.ts';
import { lockFolder } from '../../evaluator/machine/lockFolder.ts';
import { describeMachine } from '../../evaluator/machine/machine.ts';
import { machineWarnings, waitForQuiet } from '../../evaluator/machine/quiet.ts';
import { version } from '../../evaluator/machine/version.ts';
import { inPercent, interval95 } from '../../evaluator/report/format.ts';
import type { RunRecord } from '../../evaluator/run/record.ts';
import { openRunTrack, type RunTrack } from '../../evaluator/run/runTrack.ts';
import { verdicts } from '../../evaluator/run/verdict.ts';
import { createSandbox, type SandboxKind } from '../../evaluator/sandbox/createSandbox.ts';
import { requireNotShown } from '../../evaluator/sandbox/requireNotShown.ts';
import type { Sandbox } from '../../evaluator/sandbox/sandbox.ts';
import { callOrganizer } from '../callOrganizer.ts';
import { type CommitmentOptions, readCommitted, requireBoth, requireTerms } from '../commitment.ts';
import { addCanaryOptions, type CanaryOptions, requireCanaryOptions } from '../options/canaryOptions.ts';
import {
  addExecutorOptions,
  type ExecutorOptions,
  requireExecutorOptions,
} from '../options/executorOptions.ts';
import { addIntakeOptions, type IntakeOptions, intakeLimits } from '../options/intakeOptions.ts';
import {
  byteCount,
  cpuCount,
  integer,
  numberOption,
  runSeed,
  stageSeconds,
} from '../options/numberOption.ts';
import {
  addStrangersSandbox,
  imageOption,
  runtimeOption,
  type StrangersSandbox,
  strangersSandbox,
  warnWhereUnfenced,
} from '../options/sandboxOptions.ts';
import {
  budgetOption,
  defaultLimits,
  predictLimitOption,
  type StageLimitOptions,
  stageLimits,
} from '../options/stageLimits.ts';
import { requireAtHome } from '../requireAtHome.ts';
import { requireHeld, requireOfficial } from '../requireOfficial.ts';
import { requireOut } from '../requireOut.ts';
import { createSlurmView } from '../slurmView.ts';
import { listenForStops } from '../stopSignals.ts';
import { lastWordsOf } from '../summary.ts';
import { type Say, say, sayJson, shortName, tell } from '../terminal.ts';
import { lockForTiming, mostDisturbanceOption } from '../timedRun.ts';

interface Options
  extends StrangersSandbox,
    StageLimitOptions,
    CommitmentOptions,
    IntakeOptions,
    CanaryOptions,
    ExecutorOptions {
  readonly track: string;
  readonly out: string;
  readonly seed: number;
  readonly seeds: number;
  readonly imagesKey?: string;
  readonly identity?: string;
  readonly cpus?: number;
  readonly memory?: number;
  readonly retries: number;
  readonly keepModels?: boolean;
  readonly mostDisturbance: number;
  readonly waitForQuiet: number;
  readonly perTeam?: number;
  readonly baseline?: string[];
  readonly repeat?: string;
  readonly because?: string;
  readonly smoke?: number;
  readonly json?: boolean;
}

/** Options that have no meaning in a short try, which is no run of the contest. */
const notWithSmoke = [
  'seeds',
  'budget',
  'imagesKey',
  'identity',
  'commitment',
  'reveal',
  'retries',
  'mostDisturbance',
  'waitForQuiet',
  'perTeam',
  'baseline',
  'repeat',
  'because',
  'jobs',
  'gpus',
  'keepModels',
  'canary',
];

/** Files left out that are named on standard error. */
const mostLeftOut = 20;

/** `haet grade`: runs every archive of a folder as an official run and writes a leaderboard. */
export function gradeCommand(command: Command): void {
  addStrangersSandbox(command)
    .argument('<folder>', 'folder with archives (*.tar, *.tar.gz, *.tgz, *.zip), as `haet pack` makes them')
    .requiredOption('--track <dir>', 'Track to train and score on')
    .requiredOption('--out <dir>', 'folder for the leaderboard and the runs; existing runs are reused')
    .option('--seed <n>', 'seed of the runs', runSeed, 1)
    .option('--seeds <n>', 'run each archive with N seeds, counting up from --seed', integer(1, 1000), 1)
    .addOption(budgetOption())
    .addOption(predictLimitOption())
    .option('--images-key <file>', 'secret key that opens the images of a sealed Track, and nothing else')
    .option(
      '--identity <file>',
      'secret key that opens the labels and signs every run (record.jws); read by a separate process between runs',
    )
    .addOption(
      new Option(
        '--commitment <file>',
        'published commitment; with --reveal, its seeds are run and its terms enforced',
      ).conflicts(['seed', 'seeds']),
    )
    .addOption(
      new Option('--reveal <file>', 'reveal that belongs to the commitment; contains the seeds').conflicts([
        'seed',
        'seeds',
      ]),
    )
    .addOption(imageOption())
    .addOption(runtimeOption())
    .option('--cpus <n>', 'CPUs for an entry (default: all)', cpuCount)
    .option('--memory <bytes>', "memory for an entry (default: all minus the evaluator's share)", byteCount)
    .option(
      '--retries <n>',
      'repeats of a run that does not count, before a person must decide',
      integer(0, 10),
      1,
    )
    .addOption(mostDisturbanceOption())
    .option(
      '--wait-for-quiet <seconds>',
      'how long to wait before a run for other work on the machine to end; 0: do not wait',
      numberOption({ min: 0, max: 86_400 }),
      60,
    )
    .option('--per-team <n>', 'maximum archives to run per team (default: all)', integer(1, 1000))
    .option(
      '--baseline <file>',
      'archive that is run for comparison: listed without a rank; may be repeated',
      collect,
    )
    .addOption(new Option('--repeat <file[:seed]>', 'allow one more attempt of a job without a result'))
    .option('--because <text>', 'reason shown on the leaderboard; with --repeat')
    .addOption(
      new Option(
        '--smoke <seconds>',
        'instead of grading, try every archive for this long on a public Track, with a folder of logs for each contestant',
      )
        .argParser(stageSeconds)
        .conflicts(notWithSmoke),
    )
    .option('--keep-models', 'keep the models, which are otherwise removed after hashing')
    .option('--json', 'last line on standard output: the leaderboard')
    .addHelpText('after', help)
    .action(grade);
  addExecutorOptions(command);
  addCanaryOptions(command);
  addIntakeOptions(command);
}

async function grade(folder: string, options: Options, command: Command): Promise<void> {
  if (options.smoke !== undefined) {
    const { smoke } = await import('../smoke.ts');
    return smoke(folder, options.smoke, options, makeFolder);
  }
  const kind = strangersSandbox(options);
  const isOnSlurm = options.executor === 'slurm';
  await requireTogether(options, kind);
  if (options.cancel) {
    const { cancelRunsIn } = await import('../slurmGrading.ts');
    return cancelRunsIn(options.out, 'grading');
  }
  const { archives, leftOut } = await listArchives(folder, options.out);
  await requireOut(options.out);
  const machine = await describeMachine();
  if (!isOnSlurm) entryMemoryBytes(machine, options.memory); // fails before anything is created
  const repeat = repeatOf(options, archives);
  const baselines = baselinesOf(options, archives);
  // Creating a sandbox already disturbs a run that is being timed on this machine.
  const unlockMachine = isOnSlurm ? () => {} : lockForTiming(tell);
  const sandbox = isOnSlurm ? null : await createSandbox(kind, options);
  requirePrivate(sandbox, folder, options);
  const outFolder = await makeFolder(options.out);
  const unlock = lockFolder(outFolder);
  const track = await openRunTrack(options.track, options.imagesKey).catch((error) => {
    unlock();
    throw error;
  });
  const stops = listenForStops(tell);
  const slots: Slot[] = [];
  try {
    const committed = await readCommitted(options, track);
    const attestor = await attestorOf(options, track, outFolder);
    const terms = committed?.terms;
    const asked = {
      cpus: options.cpus ?? terms?.cpus,
      memoryBytes: options.memory ?? terms?.memoryBytes,
    };
    if (options.jobs > 1) requireSeparable(options.jobs, { kind }, 'sealed' in track.info);
    const shares = options.jobs > 1 ? shareMachine(options.jobs, asked, machine) : null;
    const { cpus, memoryBytes } = shares ?? asked;
    const gpus = sandbox === null ? null : shareGpus(options.jobs, options.gpus, sandbox.fenced);
    if (gpus?.told != null) tell(gpus.told);
    for (const [at, cpuSet] of (shares?.cpuSets ?? []).entries()) {
      slots.push({ cpuSet, gpus: gpus?.shares[at], track: await openRunTrack(options.track) });
    }
    if (shares === null) slots.push({ cpuSet: null, gpus: gpus?.shares[0], track });
    const limits = {
      ...stageLimits(options, command, committed),
      processes: terms?.processes ?? defaultLimits.processes,
    };
    if (committed !== null) {
      requireTerms(committed, {
        ...limits,
        cpus: cpus ?? machine.cores,
        memoryBytes: isOnSlurm ? memoryBytes! : entryMemoryBytes(machine, memoryBytes),
        sandbox: kind,
        image: sandbox === null ? committed.terms.image : sandbox.image,
        evaluator: { version, commit: await evaluatorCommit() },
      });
    }
    tell(...notRun(archives, leftOut));
    await addReceipts(outFolder, folder, { archives, leftOut }, intakeLimits(options));
    warnWhereUnfenced(kind, tell);
    if (sandbox !== null) tell(`Sandbox "${kind}": ${sandbox.contains}`);
    const plan: GradePlan = {
      archives,
      leftOut,
      track,
      outFolder,
      seeds: committed?.seeds ?? Array.from({ length: options.seeds }, (_, at) => options.seed + at),
      ...limits,
      ...(cpus !== undefined && { cpus }),
      ...(memoryBytes !== undefined && { memoryBytes }),
      retries: options.retries,
      mostDisturbance: options.mostDisturbance / 100,
      ...(options.perTeam !== undefined && { perTeam: options.perTeam }),
      baselines,
      ...(repeat !== null && { repeat }),
      machine,
      intake: intakeLimits(options),
      keepModels: options.keepModels ?? false,
    };
    if (!isOnSlurm) for (const warning of machineWarnings()) tell(warning);
    // Loaded here because they are too slow for --help.
    const { createLocalExecutor } = await import('../../evaluator/grade/localExecutor.ts');
    const { gradeArchives } = await import('../../evaluator/grade/gradeArchives.ts');
    const { canaryOf, withCanary } = await import('../gradingCanary.ts');
    const findCanary = (sayTo: Say) => canaryOf(options, plan, kind, attestor, sayTo);
    const slurm =
      sandbox === null ? await onSlurm(options, kind, plan, terms?.image ?? null, findCanary) : null;
    const tellAll = slurm?.view.tell ?? tell;
    const outOfBand = new AbortController();
    const local = async () => {
      const canary = await findCanary(tell);
      const plain = createLocalExecutor(sandbox!, slots);
      return canary === null ? plain : withCanary(plain, canary, () => outOfBand.abort());
    };
    const executor = slurm?.executor ?? (await local());
    const { standing, open } = await gradeArchives(plan, executor, {
      abort: AbortSignal.any([stops.abort, outOfBand.signal]),
      warn: tellAll,
      ...(options.waitForQuiet > 0 &&
        !isOnSlurm && { ready: () => quiet(options, cpus ?? machine.cores, stops.abort) }),
      ...(attestor !== null && { attestor }),
      starts: (job) => {
        if (!isOnSlurm) tell(`${label(job)}  starts`);
      },
      ended: async (job, record, earlier) => {
        if (!earlier) slurm?.view.ended(record.owner === 'infrastructure');
        tellAll(`${label(job)}  ${outcome(record)}${earlier ? ' (earlier)' : ''}`);
        if (!earlier) tellAll(...(await lastWordsOf(record)).map((line) => `  ${line}`));
      },
    });
    await slurm?.executor.ended(stops.abort);
    slurm?.view.stop();
    if (slurm !== null) await slurm.tellSuperseded(outFolder);
    if (options.json) sayJson(standing);
    else say(...summarise(standing, outFolder));
    if (open === 0) return;
    const left = slurm?.executor.left() ?? [];
    if (left.length > 0) tellLeft(open, left);
    else {
      tell(
        `${open} of ${standing.runs.wanted} runs have no result yet. Run the same command again to continue; runs that need a decision are not repeated.`,
      );
    }
    if (options.detach && left.length > 0 && !stops.abort.aborted) return;
    process.exitCode = verdicts[stops.abort.aborted ? 'ABORTED' : 'INFRA_FAULT'].exitCode;
  } finally {
    stops.close();
    for (const slot of slots) await slot.track?.close();
    await track.close();
    unlock();
    unlockMachine();
  }
}

/** Creates the executor that submits to Slurm, and the view of its progress. */
async function onSlurm(
  options: Options,
  kind: SandboxKind,
  plan: GradePlan,
  image: string | null,
  findCanary: (tell: Say) => Promise<Canary | null>,
) {
  const { outFolder, cpus, memoryBytes, trainSeconds, predictSeconds } = plan;
  const view = createSlurmView(process.stderr, trainSeconds + 2 * predictSeconds);
  const secrets = [options.identity, options.reveal];
  const { slurmExecutorOf, tellSuperseded } = await import('../slurmGrading.ts');
  const canary = await findCanary(view.tell);
  const given = { outFolder, kind, cpus, memoryBytes, image, secrets, canary };
  return { view, executor: await slurmExecutorOf(options, given, view), tellSuperseded };
}

function tellLeft(open: number, jobs: readonly string[]): void {
  tell(
    `${open} runs have no result yet, and go on in Slurm (job ${jobs.join(', ')}). Run the same command again to see them and take in their results; with --cancel it ends them.`,
  );
}

/** Refuses secrets where entries or nodes could read them, and a sandbox that does not hold what a signed run needs. */
function requirePrivate(sandbox: Sandbox | null, folder: string, options: Options): void {
  const { track, out, identity, imagesKey, reveal } = options;
  const archives = 'the folder of archives';
  if (sandbox === null) {
    requireAtHome({ identity, reveal, shared: { '--track': track, '--out': out, [archives]: folder } });
    return;
  }
  if (identity !== undefined) requireHeld(sandbox);
  requireNotShown(sandbox, {
    '--track': track,
    '--out': out,
    '--identity': identity,
    '--images-key': imagesKey,
    '--reveal': reveal,
    [archives]: folder,
  });
}

/** Says what of the folder is not run; the leaderboard lists all of it. */
function notRun(archives: readonly Submission[], leftOut: readonly LeftOut[]): string[] {
  const left = leftOut.slice(0, mostLeftOut).map(({ file, reason }) => `Left out: ${file} (${reason})`);
  const more = leftOut.length - left.length;
  return [
    ...archives.flatMap(({ file, refused }) => (refused === undefined ? [] : [`${file}: ${refused}`])),
    ...left,
    ...(more > 0 ? [`Left out: ${more} more, which the leaderboard lists`] : []),
  ];
}

function quiet(options: Options, cpus: number, abort: AbortSignal): Promise<string[]> {
  const conditions = {
    cpus,
    most: options.mostDisturbance / 100,
    patienceSeconds: options.waitForQuiet,
  };
  return waitForQuiet(conditions, tell, abort);
}

/** Parses `--repeat FILE[:SEED] --because TEXT`; null if not given. */
function repeatOf(
  { repeat, because }: Options,
  archives: readonly Submission[],
): NonNullable<GradePlan['repeat']> | null {
  if (repeat === undefined && because === undefined) return null;
  const reason = because?.trim() ?? '';
  if (repeat === undefined || reason === '' || reason.length > 500) {
    throw new UserError(
      '--repeat and --because must be given together. The reason can have 500 characters; the leaderboard shows both.',
    );
  }
  const isFile = (name: string) => archives.some(({ file }) => file === name);
  const [, name, seed] = /^(.*):(\d+)$/.exec(repeat) ?? [];
  if (isFile(repeat)) return { archive: repeat, seed: null, because: reason };
  if (name !== undefined && isFile(name)) return { archive: name, seed: Number(seed), because: reason };
  throw new UserError({
    option: `--repeat ${repeat}`,
    reason: 'no such archive',
    remedy: 'Give FILE or FILE:SEED.',
  });
}

/** Returns the archives that `--baseline` names. */
function baselinesOf({ baseline = [] }: Options, archives: readonly Submission[]): string[] {
  for (const name of baseline) {
    if (archives.some(({ file }) => file === name)) continue;
    throw new UserError({
      option: `--baseline ${name}`,
      reason: 'no such archive',
      remedy: 'Give the name of a file in the folder of archives, with its ending.',
    });
  }
  return [...new Set(baseline)];
}

/** Rejects options that cannot be combined, before anything is created. */
async function requireTogether(options: Options, sandbox: SandboxKind): Promise<void> {
  const { imagesKey, identity } = options;
  if (sandbox === 'user') {
    throw new UserError(
      '--sandbox user isolates entries only inside the image. Use haet official in the image, or --sandbox bubblewrap or docker.',
    );
  }
  requireBoth(options);
  requireExecutorOptions(options);
  requireCanaryOptions(options);
  if ((imagesKey === undefined) !== (identity === undefined)) {
    throw new UserError(
      '--images-key and --identity must be given together. Give both files that `haet seal keygen` wrote.',
    );
  }
  if (identity === undefined) return;
  await requireOfficial(
    { track: options.track, sandbox },
    {
      track:
        'Grade it without --images-key and --identity, or give the folder that `haet seal TRACK --to KEY --images-to KEY --out withheld.age --public DIR` made.',
      sandbox: 'Use --sandbox bubblewrap or docker.',
    },
  );
}

/** This process runs untrusted entries: it knows the identity's path and never reads the file. */
async function attestorOf(
  { identity }: Options,
  { dir, info }: RunTrack,
  outFolder: string,
): Promise<Attestor | null> {
  if (identity === undefined || !('sealed' in info)) return null;
  const { publicKey, verifyKey, score } = await callOrganizer(resolve(identity), dir, outFolder);
  if (publicKey !== info.sealed.organizer) {
    throw new UserError({
      option: '--identity',
      path: identity,
      reason: `its public key is ${publicKey}, but the labels are sealed to ${info.sealed.organizer}`,
      remedy: 'Give the identity of this Track.',
    });
  }
  await requireChain(outFolder, verifyKey);
  return createAttestor(verifyKey, score);
}

async function makeFolder(out: string): Promise<string> {
  const folder = resolve(out);
  await mkdir(folder, { recursive: true }).catch((error: NodeJS.ErrnoException) => {
    throw new UserError({
      option: '--out',
      path: folder,
      reason: `cannot be created (${error.code})`,
      remedy: 'Give a folder that you can create or write to.',
    });
  });
  return folder;
}

function label({ archive, seed, number, of }: Job): string {
  return `[${number} of ${of}] ${archive.file}, seed ${seed}`;
}

function outcome({ verdict, score, stages, evidence }: RunRecord): string {
  if (score === null) return [verdict, ...evidence].join('; ');
  const time = stages[0] ? `, trained for ${stages[0].seconds.toFixed(1)} s` : '';
  return `${verdict}  ${inPercent(score.accuracy)} %, ${interval95(score.wilson95)}${time}`;
}

function collect(word: string, words: string[] = []): string[] {
  return [...words, word];
}

function summarise({ rows }: Standing, outFolder: string): string[] {
  const lines = rows.map(
    (row) =>
      `${String(row.rank ?? '-').padStart(4)}  ${result(row)}  ${shortName(row.name ?? '?')} (${shortName(row.archive)})${row.baseline ? ', a baseline' : ''}`,
  );
  const files = Object.values(leaderboardFiles).map((file) => `  ${join(publicFolder(outFolder), file)}`);
  return [...lines, '', ...files];
}

function result({ rank, baseline, verdict, accuracy, interval95: ends, toDecide, refused }: Row): string {
  if (refused !== null) return 'not run'.padEnd(27);
  if (toDecide.length > 0) return 'needs a decision'.padEnd(27);
  if (rank === null && !(baseline && verdict !== null && verdicts[verdict].exitCode === 0)) {
    return (verdict ?? 'not run yet').padEnd(27);
  }
  return `${inPercent(accuracy!)} %  (${ends!.map((end) => inPercent(end)).join(' to ')})`.padEnd(27);
}

const help = `
Give --sandbox or --trusted. A run whose record is in --out (same bytes, Track, seed, limits and sandbox) is not repeated,
so the same command resumes after a stop or a kill. Ctrl-C stops the current run and writes the leaderboard.

A sealed Track needs --images-key, --identity and a sandbox that isolates entries and enforces their limits. Every run is
then scored and signed, whatever its verdict, by a separate process (\`haet score\`) that starts when no process of the entry
is alive. Only signed runs count. The records form a chain, so a missing one is detected (haet verify OUT). With
--commitment, other terms are refused, and limits that are not given are taken from it.

A run does not count if it ended in INFRA_FAULT, was disturbed by other work, or its evaluator died. It is repeated up to
--retries times, whatever its score. After that a person decides: --repeat FILE:SEED --because TEXT.

--smoke 30 tries every archive for 30 s on a public Track and writes one folder per archive to --out: its logs, and whether it
started and predicted. There is no score, and --out must not be the folder of a grading.

--canary runs an entry whose results are known before the first run on every machine and again every --canary-every runs. A
machine where it is out of its band gets no more runs, and those made there since its last good canary are made again.

--executor slurm submits the runs as one array job. Ctrl-C leaves it running; the same command shows it again and takes in
its results, and with --cancel ends it. Nodes see --out, --track, the archives and haet at the same paths, and never the
identity: keep it on a disk of this machine.

Exit status:
   0  every run has a result, whatever its verdict; or, with --detach, everything is submitted
   2  wrong command line, or the Track changed
  30  a run has no result: no attempt counts, it could not be signed, or its archive changed
  40  stopped by a person

Examples:
  $ haet grade archives/ --track tracks/official --sandbox bubblewrap --out graded --seeds 3
  $ haet grade archives/ --track sealed-track --images-key images-key.txt --identity identity.txt \\
      --sandbox docker --out graded --commitment commitment.json --reveal reveal.json
  $ haet grade archives/ --track tracks/public --sandbox docker --out tried --smoke 30
`;
