import { existsSync } from 'node:fs';
import { chmod, mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { makeTrack } from '../../datasets/makeTrack.ts';
import { readSealedTrack } from '../../datasets/sealing/sealedTrack.ts';
import { readTrainingHalf } from '../../datasets/sources/trainingHalf.ts';
import { UserError } from '../../datasets/userError.ts';
import { hashArchive } from '../../evaluator/intake/takeEntry.ts';
import { evaluatorCommit } from '../../evaluator/machine/commit.ts';
import { isRunDisturbed } from '../../evaluator/machine/contention.ts';
import { entryMemoryBytes } from '../../evaluator/machine/entryMemory.ts';
import { lockFolder } from '../../evaluator/machine/lockFolder.ts';
import { describeMachine } from '../../evaluator/machine/machine.ts';
import { machineWarnings, waitForQuiet } from '../../evaluator/machine/quiet.ts';
import { referenceSubmission } from '../../evaluator/machine/runtime.ts';
import { version } from '../../evaluator/machine/version.ts';
import { tryPage } from '../../evaluator/report/tryPage.ts';
import { countEarlierRuns } from '../../evaluator/run/earlierRuns.ts';
import type { RunPlan } from '../../evaluator/run/runEntry.ts';
import { isSealed, openRunTrack, type RunTrack } from '../../evaluator/run/runTrack.ts';
import { unscoredFile } from '../../evaluator/run/unscored.ts';
import { verdicts } from '../../evaluator/run/verdict.ts';
import { createSandbox } from '../../evaluator/sandbox/createSandbox.ts';
import { readProcessLimit } from '../../evaluator/sandbox/linux/groupCounters.ts';
import { groupOf } from '../../evaluator/sandbox/linux/groupFolders.ts';
import { makeOwnFolder } from '../../evaluator/sandbox/ownNames.ts';
import { requireNotShown } from '../../evaluator/sandbox/requireNotShown.ts';
import type { SandboxKind } from '../../evaluator/sandbox/sandbox.ts';
import { adviceOf } from '../adviceOf.ts';
import {
  type CommitmentOptions,
  type Committed,
  readCommitted,
  requireBoth,
  requireTerms,
} from '../commitment.ts';
import { addIntakeOptions, type IntakeOptions, intakeLimits } from '../options/intakeOptions.ts';
import { runSeed } from '../options/numberOption.ts';
import {
  type ContainerOptions,
  imageOption,
  runtimeOption,
  sandboxOption,
} from '../options/sandboxOptions.ts';
import {
  budgetOption,
  defaultLimits,
  predictLimitOption,
  type StageLimitOptions,
  stageLimits,
} from '../options/stageLimits.ts';
import { requireEntry } from '../requireEntry.ts';
import { requireHeld, requireOfficial } from '../requireOfficial.ts';
import { requireOut } from '../requireOut.ts';
import { runInView } from '../runInView.ts';
import { readyEntry } from '../setUp.ts';
import { listenForStops } from '../stopSignals.ts';
import { lastWordsOf, summarise } from '../summary.ts';
import { sayer, sayJson, tell, warn } from '../terminal.ts';
import { lockForTiming, mostDisturbanceOption } from '../timedRun.ts';

interface Options extends StageLimitOptions, CommitmentOptions, ContainerOptions, IntakeOptions {
  readonly entry: string;
  readonly track: string;
  readonly imagesKey: string;
  readonly out: string;
  readonly seed: number;
  readonly mostDisturbance: number;
  readonly sandbox: SandboxKind;
  readonly imageId?: string;
  readonly json?: boolean;
}

/** The `docker run` options of docs/official.md, without the mounts. */
const dockerRun = [
  'docker run --rm --network none --read-only --tmpfs /tmp:exec,size=1g --shm-size 1g',
  '--cap-drop ALL --cap-add CHOWN --cap-add DAC_OVERRIDE --cap-add FOWNER --cap-add KILL',
  '--cap-add SETGID --cap-add SETPCAP --cap-add SETUID --security-opt no-new-privileges',
  '--cpuset-cpus 0-3 --memory 12g --memory-swap 12g --pids-limit 2048',
];

/** `haet official`: runs an entry on a sealed Track; the default command of the sealed image. */
export function officialCommand(command: Command): void {
  command
    .option('--entry <path>', 'folder or archive of the entry', referenceSubmission)
    .option('--track <dir>', 'the sealed Track', '/track')
    .option(
      '--images-key <file>',
      'secret key that opens the test images and nothing else',
      '/run/secrets/images-key',
    )
    .option('--out <dir>', "parent of the run's folder", '/out')
    .option('--seed <n>', 'seed of the run', runSeed, 1)
    .option(
      '--commitment <file>',
      'published commitment; --seed must be one of its seeds, and the terms must match',
    )
    .option('--reveal <file>', 'reveal with the seeds of the commitment')
    .addOption(budgetOption())
    .addOption(predictLimitOption())
    .addOption(mostDisturbanceOption())
    .addOption(sandboxOption('user'))
    .addOption(imageOption())
    .addOption(runtimeOption())
    .addOption(
      new Option('--image-id <sha256>', 'content hash of this image, for the record').argParser(imageId),
    )
    .option('--json', 'last line on standard output: the record of the run')
    .addHelpText(
      'after',
      `
CPUs, memory and processes are those of the container, minus the evaluator's share of memory. With the images key, a
container without these limits, or with a network, is refused. The labels stay sealed. Afterwards, \`haet score\` scores
and signs the run, whatever its verdict, in a container that has the identity and not the entry. The identity must not be
visible here. With --commitment, other terms are refused, and limits that are not given are taken from it. The exit
statuses are those of haet dry-run.

Example:
  $ ${dockerRun.join(' \\\n      ')} \\
      -v ./images-key.txt:/run/secrets/images-key:ro -v ./out:/out -v ./entry.tar.gz:/entry.tar.gz:ro \\
      haet official --entry /entry.tar.gz
  $ docker run --rm --network none --read-only --cap-drop ALL --cap-add DAC_OVERRIDE --security-opt no-new-privileges \\
      -v ./identity.txt:/run/secrets/identity:ro -v ./out:/out haet score /out/RUN
`,
    )
    .action(official);
  addIntakeOptions(command);
}

async function official(options: Options, command: Command): Promise<void> {
  const isOfficial = existsSync(options.imagesKey);
  if (!isOfficial && command.getOptionValueSource('imagesKey') === 'cli') {
    throw new UserError({
      option: '--images-key',
      path: options.imagesKey,
      reason: 'no such file',
      remedy: 'Omit the option for a dry run.',
    });
  }
  requireNoIdentity();
  // In the image, shutEarlierRuns creates it and says how to start the container.
  const given = await requireEntry(options.entry);
  if (options.sandbox !== 'user') await requireOut(options.out, given);
  await requireOwnFolder(options);
  if (isOfficial) await requireOfficialRun(options);
  const entry = await readyEntry(given, options.sandbox);
  const machine = await describeMachine();
  // Creating a sandbox already disturbs a run that is being timed on this machine.
  const unlockMachine = lockForTiming(tell);
  const sandbox = await createSandbox(options.sandbox, options);
  if (isOfficial) requireHeld(sandbox);
  const { track: trackDir, out, imagesKey, reveal } = options;
  requireNotShown(
    sandbox,
    { '--track': trackDir, '--out': out, '--images-key': imagesKey, '--reveal': reveal },
    entry,
  );
  const track = isOfficial ? await openRunTrack(options.track, options.imagesKey) : await dryTrack(options);
  const committed = await readSeedAndTerms(options, track);
  const cpus = machine.cores;
  const memoryBytes = entryMemoryBytes(machine);
  const inContainer = options.sandbox === 'user' ? readProcessLimit(groupOf('self')) : null;
  const processes = inContainer ?? committed?.terms.processes ?? defaultLimits.processes;
  const limits = { ...stageLimits(options, command, committed), processes };
  if (committed !== null) {
    const evaluator = { version, commit: await evaluatorCommit() };
    const image = sandbox.image ?? options.imageId ?? null;
    requireTerms(committed, { ...limits, cpus, memoryBytes, sandbox: sandbox.kind, image, evaluator });
  }
  const unlock = options.sandbox === 'user' ? await shutEarlierRuns(options.out) : () => {};
  tell(
    `Track: ${track.info.name}; ${track.info.trainSize} training images, ${track.info.testSize} withheld images.`,
  );

  const stops = listenForStops(tell);
  try {
    for (const warning of machineWarnings()) tell(warning);
    const mostDisturbance = options.mostDisturbance / 100;
    const look = { cpus: machine.cores, most: mostDisturbance, patienceSeconds: 0 };
    const remarks = await waitForQuiet(look, tell, stops.abort);
    tell(...remarks);
    // Loaded here: it is too slow for --help, and later an entry may have changed the files.
    const { writeReport } = await import('../../evaluator/report/report.ts');
    const plan: RunPlan = {
      entryPath: entry,
      track,
      runsFolder: options.out,
      seed: options.seed,
      limits,
      cpus,
      memoryBytes,
      machine,
      intake: intakeLimits(options),
      keepModel: false,
      attempt: 1 + (await countEarlierRuns(options.out, await hashArchive(entry), options.seed)),
      mostDisturbance,
      remarks,
      ...(options.imageId !== undefined && { evaluatorImage: options.imageId }),
    };
    const record = await runInView(plan, sandbox, stops);
    const isUnscored = existsSync(join(record.folder, unscoredFile));
    // The report of a run that is not scored yet is written when it is scored.
    const report = isUnscored
      ? null
      : await tryPage(() => writeReport(record.folder, { trackDir: track.dir }), warn);
    const wasStopped = stops.interrupt.aborted || stops.abort.aborted;
    sayer(options)(
      ...summarise(record, report, await lastWordsOf(record), await adviceOf(record)),
      ...(isRunDisturbed(record, mostDisturbance)
        ? ['  DISTURBED: other work on this machine slowed this run; see its evidence']
        : []),
      isUnscored
        ? `  next     haet score ${record.folder}, where the identity is and the entry is not; it signs the record`
        : '  NOT OFFICIAL: the record is not signed',
      ...(isOfficial && wasStopped
        ? ['  Stopped by a person: it had less time than others, and the record says so.']
        : []),
    );
    if (options.json) sayJson(record);
    process.exitCode = verdicts[record.verdict].exitCode;
  } finally {
    stops.close();
    unlockMachine();
    await track.close();
    unlock();
  }
}

/** Where the image expects the identity, which opens labels and signs. */
const identityFile = '/run/secrets/identity';

/** @throws UserError if the organizer's identity is on the machine that runs the entry */
function requireNoIdentity(): void {
  if (!existsSync(identityFile)) return;
  throw new UserError({
    path: identityFile,
    reason:
      "exists: the organizer's identity opens the labels and signs, and must not be where an entry runs",
    remedy:
      'Start this container with -v ./images-key.txt:/run/secrets/images-key:ro instead. Afterwards, start another one with the identity and `haet score /out/RUN`.',
  });
}

/** Fails before the run starts if its score could not be official. */
async function requireOfficialRun(options: Options): Promise<void> {
  await requireOfficial(options, {
    track:
      'Build the image with --build-arg TRACK=DIR, DIR made by `haet seal TRACK --to KEY --images-to KEY --out withheld.age --public DIR`.',
    sandbox: 'Use user, bubblewrap or docker.',
  });
}

/** Without the key, the sealed file is not read: the held-out images are drawn from the training half. */
async function dryTrack({ track, imagesKey, seed }: Options): Promise<RunTrack> {
  tell('');
  tell(`  NOTE: no key at ${imagesKey}. This is a DRY RUN: its record is not signed.`);
  if (!(await isSealed(track))) {
    tell('  It is scored on the held-out images of an open Track.', '');
    return openRunTrack(track);
  }
  tell('  It is scored on images held out of the training half; the sealed set stays closed.', '');
  const { info } = await readSealedTrack(track);
  const source = await readTrainingHalf(track, info);
  const perClass = Math.floor(info.trainSize / info.classes.length);
  const testPerClass = Math.max(1, Math.floor(perClass / 5));
  const scratch = await makeOwnFolder('dry');
  await chmod(scratch, 0o711); // the entry runs as another user and does not need to list this folder
  const out = join(scratch, 'track');
  await makeTrack(source, { trainPerClass: perClass - testPerClass, testPerClass, seed, out });
  await chmod(join(out, 'labels.npy'), 0o600);
  const opened = await openRunTrack(out);
  return { ...opened, close: () => rm(scratch, { recursive: true, force: true }) };
}

/** @throws UserError if set or seed differ from the commitment */
async function readSeedAndTerms(options: Options, track: RunTrack): Promise<Committed | null> {
  requireBoth(options);
  const committed = await readCommitted(options, track);
  const { seed } = options;
  if (committed === null || committed.seeds.includes(seed)) return committed;
  throw new UserError({
    option: `--seed ${seed}`,
    reason: `is not one of the committed seeds: ${committed.seeds.join(', ')}.`,
  });
}

/** An entry that runs as another user must not be able to move the run's folder. */
async function requireOwnFolder({ out, sandbox }: Options): Promise<void> {
  const facts = await stat(out).catch(() => null);
  if (sandbox !== 'user' || facts === null || (facts.mode & 0o022) === 0) return;
  throw new UserError({
    option: '--out',
    path: out,
    reason: `is writable by others (mode ${(facts.mode & 0o777).toString(8)})`,
    remedy: 'Run `chmod 755` on it.',
  });
}

/**
 * Makes earlier runs in the folder unreadable for this entry, whose user is the one that ran them. One process works
 * there at a time, so none of them is in progress.
 * @returns a function that unlocks the folder
 * @throws UserError if another process works there, or the folder cannot be created
 */
async function shutEarlierRuns(out: string): Promise<() => void> {
  await mkdir(out, { recursive: true }).catch((error: NodeJS.ErrnoException) => {
    throw new UserError({
      option: '--out',
      path: out,
      reason: `does not exist and cannot be created (${error.code})`,
      remedy: 'Start the container with -v ./out:/out, or give another folder.',
    });
  });
  const unlock = lockFolder(out);
  for (const each of await readdir(out, { withFileTypes: true })) {
    const path = resolve(out, each.name);
    if (each.isDirectory()) await chmod(path, 0o700);
    else if (each.isFile()) await chmod(path, 0o600);
  }
  return unlock;
}

function imageId(value: string): string {
  if (!/^sha256:[0-9a-f]{64}$/.test(value)) {
    throw new UserError({
      option: `--image-id ${value}`,
      reason: 'must be sha256:... as printed by `docker image inspect --format {{.Id}}`.',
    });
  }
  return value;
}
