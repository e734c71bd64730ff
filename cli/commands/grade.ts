import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { UserError } from '../../datasets/userError.ts';
import { requireChain } from '../../evaluator/attest/chain.ts';
import { type Attestor, createAttestor } from '../../evaluator/attest/createAttestor.ts';
import { limitsSchema } from '../../evaluator/contract.ts';
import type { GradePlan, Job } from '../../evaluator/grade/gradeArchives.ts';
import { publicFolder } from '../../evaluator/grade/gradedFolders.ts';
import type { Row } from '../../evaluator/grade/leaderboard.ts';
import { listArchives } from '../../evaluator/grade/listArchives.ts';
import { lockFolder } from '../../evaluator/grade/lockFolder.ts';
import type { Standing } from '../../evaluator/grade/standing.ts';
import { leaderboardFiles } from '../../evaluator/grade/writeStanding.ts';
import { describeMachine } from '../../evaluator/machine.ts';
import type { RunRecord } from '../../evaluator/record.ts';
import { openRunTrack, type RunTrack } from '../../evaluator/runTrack.ts';
import { createSandbox, type SandboxKind } from '../../evaluator/sandbox/createSandbox.ts';
import { requireNotShown } from '../../evaluator/sandbox/requireNotShown.ts';
import { verdicts } from '../../evaluator/verdict.ts';
import { evaluatorCommit, version } from '../../evaluator/version.ts';
import { callOrganizer } from '../callOrganizer.ts';
import { addIntakeOptions, type IntakeOptions, intakeLimits } from '../intakeOptions.ts';
import { numberOption } from '../numberOption.ts';
import {
  type Committed,
  readCommitted,
  requireHeld,
  requireOfficial,
  requireTerms,
  stageLimits,
} from '../requireOfficial.ts';
import { imageOption, runtimeOption, sandboxOption } from '../sandboxOption.ts';
import { listenForStops } from '../stopSignals.ts';
import { say, sayJson, shortName, tell } from '../terminal.ts';

interface Options extends IntakeOptions {
  readonly track: string;
  readonly out: string;
  readonly seed: number;
  readonly seeds: number;
  readonly budget: number;
  readonly predictLimit: number;
  readonly imagesKey?: string;
  readonly identity?: string;
  readonly commitment?: string;
  readonly reveal?: string;
  readonly sandbox: SandboxKind;
  readonly image: string;
  readonly runtime?: string;
  readonly cpus?: number;
  readonly memory?: number;
  readonly retries: number;
  readonly keepModels?: boolean;
  readonly json?: boolean;
}

const defaults = limitsSchema.parse({});
const seconds = numberOption({ min: 0.001, max: 86_400 });
const integer = (min: number, max: number) => numberOption({ min, max, integer: true });
const percent = (fraction: number): string => (100 * fraction).toFixed(1);

/** `haet grade`: every archive of a folder through the official path, and a leaderboard. */
export function gradeCommand(command: Command): void {
  command
    .argument('<folder>', 'folder with archives (*.tar, *.tar.gz, *.tgz), as `haet pack` makes them')
    .requiredOption('--track <dir>', 'the Track that all are trained and scored on')
    .requiredOption('--out <dir>', 'folder for the leaderboard and the runs; what is there is taken up')
    .option('--seed <n>', 'seed of the runs', integer(0, 2 ** 31 - 1), 1)
    .option('--seeds <n>', 'run each with as many seeds, counting up from --seed', integer(1, 1000), 1)
    .option('--budget <seconds>', 'limit of the train stage', seconds, defaults.trainSeconds)
    .option('--predict-limit <seconds>', 'limit of the predict stage', seconds, defaults.predictSeconds)
    .option('--images-key <file>', 'secret key that opens the images of a sealed Track, and nothing else')
    .option(
      '--identity <file>',
      'secret key that opens its labels and signs every run (record.jws); read by another process, between runs',
    )
    .addOption(
      new Option(
        '--commitment <file>',
        'commitment that was published: with --reveal, its seeds are run, and its terms must be met',
      ).conflicts(['seed', 'seeds']),
    )
    .addOption(
      new Option('--reveal <file>', 'reveal that belongs to it: holds the seeds').conflicts([
        'seed',
        'seeds',
      ]),
    )
    .addOption(sandboxOption())
    .addOption(imageOption())
    .addOption(runtimeOption())
    .option('--cpus <n>', 'CPUs that an entry gets (default: all)', integer(1, 4096))
    .option(
      '--memory <bytes>',
      'memory that an entry gets (default: all)',
      integer(1, Number.MAX_SAFE_INTEGER),
    )
    .option('--retries <n>', 'how often a run that ended in INFRA_FAULT is repeated', integer(0, 100), 2)
    .option('--keep-models', 'keep what the train stages left, which is removed once it is hashed')
    .option('--json', 'last line on standard output: the leaderboard')
    .addHelpText('after', help)
    .action(grade);
  addIntakeOptions(command);
}

async function grade(folder: string, options: Options, command: Command): Promise<void> {
  await requireTogether(options);
  const { archives, others } = await listArchives(folder);
  const machine = await describeMachine();
  const sandbox = await createSandbox(options.sandbox, options);
  if (options.identity !== undefined) requireHeld(sandbox);
  const { track: trackDir, out, identity, imagesKey, reveal } = options;
  requireNotShown(sandbox, {
    '--track': trackDir,
    '--out': out,
    '--identity': identity,
    '--images-key': imagesKey,
    '--reveal': reveal,
    'the folder of archives': folder,
  });
  const outFolder = await makeFolder(options.out);
  const unlock = lockFolder(outFolder);
  const track = await openRunTrack(options.track, options.imagesKey).catch((error) => {
    unlock();
    throw error;
  });
  const stops = listenForStops(tell);
  try {
    const committed = await readSeedsAndTerms(options, track);
    const attestor = await attestorOf(options, track, outFolder);
    const terms = committed?.terms;
    const cpus = options.cpus ?? terms?.cpus;
    const memoryBytes = options.memory ?? terms?.memoryBytes;
    const limits = {
      ...stageLimits(options, command, committed),
      processes: terms?.processes ?? defaults.processes,
    };
    if (committed !== null) {
      requireTerms(committed, {
        ...limits,
        cpus: cpus ?? machine.cores,
        memoryBytes: memoryBytes ?? machine.memoryBytes,
        sandbox: sandbox.kind,
        image: sandbox.image,
        evaluator: { version, commit: await evaluatorCommit() },
      });
    }
    if (others.length > 0) tell(`Left alone, as no archives: ${others.join(', ')}`);
    tell(`Sandbox "${sandbox.kind}": ${sandbox.contains}`);
    const plan: GradePlan = {
      archives,
      track,
      outFolder,
      seeds: committed?.seeds ?? Array.from({ length: options.seeds }, (_, at) => options.seed + at),
      ...limits,
      ...(cpus !== undefined && { cpus }),
      ...(memoryBytes !== undefined && { memoryBytes }),
      retries: options.retries,
      machine,
      intake: intakeLimits(options),
      keepModels: options.keepModels ?? false,
    };
    // Slow to load, as it draws the reports, so not for --help.
    const { gradeArchives } = await import('../../evaluator/grade/gradeArchives.ts');
    const { standing, open } = await gradeArchives(plan, sandbox, {
      abort: stops.abort,
      warn: tell,
      ...(attestor !== null && { attestor }),
      starts: (job) => tell(`${label(job)}  starts`),
      ended: (job, record, earlier) =>
        tell(`${label(job)}  ${outcome(record)}${earlier ? ' (earlier)' : ''}`),
    });
    if (options.json) sayJson(standing);
    else say(...summarise(standing, outFolder));
    if (open > 0) {
      tell(`${open} of ${standing.runs.wanted} runs have no result yet: the same command takes them up.`);
      process.exitCode = verdicts[stops.abort.aborted ? 'ABORTED' : 'INFRA_FAULT'].exitCode;
    }
  } finally {
    stops.close();
    await track.close();
    unlock();
  }
}

/** Options that do not go together are refused before anything is made. */
async function requireTogether(options: Options): Promise<void> {
  const { sandbox, imagesKey, identity, commitment, reveal } = options;
  if (sandbox === 'user') {
    throw new UserError(
      '--sandbox user holds entries only inside the image. Use haet official in the image, or bubblewrap or docker.',
    );
  }
  if ((commitment === undefined) !== (reveal === undefined)) {
    throw new UserError(
      '--commitment and --reveal go together: the seeds are read from one and checked against the other. Give both files that `haet seal commit` wrote.',
    );
  }
  if ((imagesKey === undefined) !== (identity === undefined)) {
    throw new UserError(
      '--images-key and --identity go together: one opens the images while entries run, the other scores and signs when none does. Give both files that `haet seal keygen` wrote.',
    );
  }
  if (identity === undefined) return;
  await requireOfficial(options, {
    track:
      'Grade it without --images-key and --identity, or give the folder that `haet seal TRACK --to KEY --images-to KEY --out withheld.age --public DIR` made.',
    sandbox: 'Use --sandbox bubblewrap or docker.',
  });
}

/** This process, which runs strangers, knows where the identity is and never reads it. */
async function attestorOf(
  { identity }: Options,
  { dir, info }: RunTrack,
  outFolder: string,
): Promise<Attestor | null> {
  if (identity === undefined || !('sealed' in info)) return null;
  const { publicKey, verifyKey, score } = await callOrganizer(resolve(identity), dir, outFolder);
  if (publicKey !== info.sealed.organizer) {
    throw new UserError(
      `--identity ${identity} has the public key ${publicKey}, and the labels are sealed to ${info.sealed.organizer}. Give the identity of this Track.`,
    );
  }
  await requireChain(outFolder, verifyKey);
  return createAttestor(verifyKey, score);
}

/** What was committed to, if anything. */
async function readSeedsAndTerms(
  { commitment, reveal }: Options,
  { info }: RunTrack,
): Promise<Committed | null> {
  if (commitment === undefined || reveal === undefined) return null;
  const sealedSha256 = 'sealed' in info ? info.sealed.sha256 : null;
  return readCommitted({ commitment, reveal, sealedSha256 });
}

async function makeFolder(out: string): Promise<string> {
  const folder = resolve(out);
  await mkdir(folder, { recursive: true }).catch((error: NodeJS.ErrnoException) => {
    throw new UserError(
      `--out ${folder} cannot be made (${error.code}). Give a folder that you may make or write to.`,
    );
  });
  return folder;
}

function label({ archive, seed, number, of }: Job): string {
  return `[${number} of ${of}] ${archive.file}, seed ${seed}`;
}

function outcome({ verdict, score, stages, evidence }: RunRecord): string {
  if (score === null) return [verdict, ...evidence].join('; ');
  const time = stages[0] ? `, trained for ${stages[0].seconds.toFixed(1)} s` : '';
  return `${verdict}  ${percent(score.accuracy)} %, 95 % interval ${score.wilson95.map(percent).join(' to ')}${time}`;
}

function summarise({ rows }: Standing, outFolder: string): string[] {
  const lines = rows.map(
    (row) =>
      `${String(row.rank ?? '-').padStart(4)}  ${result(row)}  ${shortName(row.name ?? '?')} (${shortName(row.archive)})`,
  );
  const files = Object.values(leaderboardFiles).map((file) => `  ${join(publicFolder(outFolder), file)}`);
  return [...lines, '', ...files];
}

function result({ rank, verdict, accuracy, interval95 }: Row): string {
  if (rank === null) return (verdict ?? 'to be run').padEnd(27);
  return `${percent(accuracy!)} %  (${interval95!.map(percent).join(' to ')})`.padEnd(27);
}

const help = `
A run is not repeated while its record lies in --out and was made of the same bytes, Track, seed, limits and sandbox:
the same command again takes up what was stopped or killed. Ctrl-C stops the run under way and writes the leaderboard.
A sealed Track takes --images-key, --identity and a sandbox that fences and holds entries to their limits. Each run is then
scored and signed, whatever its verdict, by a process of its own, \`haet score\`, that starts when no process of the entry
lives; only signed runs count. The records form a chain: one that is missing shows (haet verify OUT). With --commitment,
terms other than those committed to are refused; limits not given are taken from it.

Exit status:
   0  every run has a result, whatever its verdict
   2  a mistake on the command line, or the Track was changed meanwhile
  30  a run ended in INFRA_FAULT, also when repeated, could not be scored and signed, or its archive changed meanwhile
  40  stopped by a person

Examples:
  $ haet grade archives/ --track tracks/official --out graded --seeds 3
  $ haet grade archives/ --track sealed-track --images-key images-key.txt --identity identity.txt \\
      --sandbox docker --out graded --commitment commitment.json --reveal reveal.json
`;
