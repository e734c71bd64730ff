import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { networkInterfaces, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { makeTrack } from '../../datasets/makeTrack.ts';
import { readSealedTrack } from '../../datasets/sealing/sealedTrack.ts';
import { readTrainingHalf } from '../../datasets/sources/trainingHalf.ts';
import { UserError } from '../../datasets/userError.ts';
import { createSigner } from '../../evaluator/attest/createSigner.ts';
import { isRunDisturbed } from '../../evaluator/contention.ts';
import { limitsSchema } from '../../evaluator/contract.ts';
import { entryMemoryBytes } from '../../evaluator/entryMemory.ts';
import { describeMachine } from '../../evaluator/machine.ts';
import { machineWarnings, waitForQuiet } from '../../evaluator/quiet.ts';
import { recordFile } from '../../evaluator/runFolder.ts';
import { isSealed, openRunTrack, type RunTrack } from '../../evaluator/runTrack.ts';
import { createSandbox } from '../../evaluator/sandbox/createSandbox.ts';
import type { SandboxKind } from '../../evaluator/sandbox/sandbox.ts';
import { verdicts } from '../../evaluator/verdict.ts';
import { projectFolder } from '../../evaluator/version.ts';
import { numberOption } from '../numberOption.ts';
import { committedSeeds, requireOfficial } from '../requireOfficial.ts';
import { runInView } from '../runInView.ts';
import { imageOption, sandboxOption } from '../sandboxOption.ts';
import { listenForStops } from '../stopSignals.ts';
import { lastWordsOf, summarise } from '../summary.ts';
import { lockForTiming, mostDisturbanceOption } from '../timedRun.ts';

interface Options {
  readonly entry: string;
  readonly track: string;
  readonly identity: string;
  readonly out: string;
  readonly seed: number;
  readonly commitment?: string;
  readonly reveal?: string;
  readonly budget: number;
  readonly predictLimit: number;
  readonly mostDisturbance: number;
  readonly sandbox: SandboxKind;
  readonly image: string;
  readonly imageId?: string;
  readonly json?: boolean;
}

const defaults = limitsSchema.parse({});
const seconds = numberOption({ min: 0.001, max: 86_400 });
const tell = (sentence: string) => void process.stderr.write(`${sentence}\n`);

/** `haet official`: what `docker run` of the sealed image does. */
export function officialCommand(command: Command): void {
  command
    .option('--entry <path>', 'folder or archive of the entry', join(projectFolder, 'dist/submission'))
    .option('--track <dir>', 'the sealed Track', '/track')
    .option('--identity <file>', 'secret key of the organizer', '/run/secrets/identity')
    .option('--out <dir>', 'the folder of the run is made in this one', '/out')
    .option('--seed <n>', 'seed of the run', numberOption({ min: 0, max: 2 ** 31 - 1, integer: true }), 1)
    .option(
      '--commitment <file>',
      'published before the contest; --seed must be one of the seeds committed to',
    )
    .option('--reveal <file>', 'the seeds that belong to the commitment')
    .option('--budget <seconds>', 'limit of the train stage', seconds, defaults.trainSeconds)
    .option('--predict-limit <seconds>', 'limit of the predict stage', seconds, defaults.predictSeconds)
    .addOption(mostDisturbanceOption())
    .addOption(sandboxOption('user'))
    .addOption(imageOption())
    .addOption(
      new Option(
        '--image-id <sha256>',
        'content hash of the image that this runs in, for the record',
      ).argParser(imageId),
    )
    .option('--json', 'last line on standard output: the record of the run')
    .addHelpText(
      'after',
      `
CPUs and memory are what the container was given, less a share of memory for the evaluator. The exit status is that of haet dry-run.

Example:
  $ docker run --rm --network none --memory 12g --memory-swap 12g --pids-limit 2048 \\
      -v ./identity.txt:/run/secrets/identity:ro -v ./entry.tar.gz:/entry.tar.gz:ro -v ./out:/out \\
      haet official --entry /entry.tar.gz
`,
    )
    .action(official);
}

async function official(options: Options, command: Command): Promise<void> {
  const isOfficial = existsSync(options.identity);
  if (!isOfficial && command.getOptionValueSource('identity') === 'cli') {
    throw new UserError(`--identity ${options.identity}: there is no such file. Leave it out for a dry run.`);
  }
  await requireOwnFolder(options);
  if (isOfficial) await requireOfficialRun(options);
  const machine = await describeMachine();
  const sandbox = await createSandbox(options.sandbox, options);
  const track = isOfficial ? await openRunTrack(options.track, options.identity) : await dryTrack(options);
  await requireCommitted(options, track);
  if (options.sandbox === 'user') await shutEarlierRuns(options.out);
  tell(
    `Track: ${track.info.name}; ${track.info.trainSize} images to train on, ${track.info.testSize} withheld.`,
  );

  const stops = listenForStops(tell);
  let unlock = () => {};
  try {
    unlock = lockForTiming(tell);
    machineWarnings().forEach(tell);
    const mostDisturbance = options.mostDisturbance / 100;
    const look = { cpus: machine.cores, most: mostDisturbance, patienceSeconds: 0 };
    const remarks = await waitForQuiet(look, tell, stops.abort);
    remarks.forEach(tell);
    // Slow to load, so not for --help; nor later, when an entry may have changed the files.
    const { writeReport } = await import('../../evaluator/report/report.ts');
    const { seed, budget, predictLimit } = options;
    const record = await runInView(
      {
        entryPath: options.entry,
        track,
        runsFolder: options.out,
        seed,
        limits: { trainSeconds: budget, predictSeconds: predictLimit },
        cpus: machine.cores,
        memoryBytes: entryMemoryBytes(machine),
        machine,
        mostDisturbance,
        remarks,
      },
      sandbox,
      stops,
    );
    // An entry that was interrupted by a person had less time than others: its score is not official.
    const mayBeSigned = isOfficial && !stops.interrupt.aborted && !stops.abort.aborted;
    const signed = mayBeSigned
      ? await attempt('signed', () => createSigner(options.identity, options.imageId ?? null)(record))
      : null;
    const trackDir = 'sealed' in track.info ? null : track.dir;
    const report = await attempt('shown', () => writeReport(record.folder, { trackDir }));
    const print = (text: string) => (options.json ? process.stderr : process.stdout).write(text);
    print(summarise(record, report, await lastWordsOf(record)));
    if (isRunDisturbed(record, mostDisturbance)) {
      print('  DISTURBED: other work on this machine took time from this run; see its evidence\n');
    }
    print(signed === null ? '  NOT OFFICIAL: the record is not signed\n' : `  signed   ${signed}\n`);
    if (options.json) process.stdout.write(`${JSON.stringify(record)}\n`);
    const { exitCode } = verdicts[record.verdict];
    process.exitCode = mayBeSigned && signed === null ? verdicts.INFRA_FAULT.exitCode : exitCode;
  } finally {
    stops.close();
    unlock();
    await track.close();
  }
}

/** What keeps a score from being official is refused before ten minutes are spent. */
async function requireOfficialRun(options: Options): Promise<void> {
  await requireOfficial(options, {
    track:
      'Build the image with --build-arg TRACK=DIR, DIR made by `haet seal TRACK --to KEY --out withheld.age --public DIR`.',
    sandbox: 'Use user, bubblewrap or docker.',
  });
  const networks = Object.keys(networkInterfaces()).filter((name) => name !== 'lo');
  if (options.sandbox === 'user' && networks.length > 0) {
    throw new UserError(
      `there is a network (${networks.join(', ')}): start the container with --network none.`,
    );
  }
}

/** Without the key nothing that is sealed is touched: the images held out are drawn from the training half. */
async function dryTrack({ track, identity, seed }: Options): Promise<RunTrack> {
  tell('');
  tell(`  NOTE: there is no key at ${identity}: this is a DRY RUN, its record is not signed.`);
  if (!(await isSealed(track))) {
    tell('  It is scored on the held-out images of a Track whose answers lie open.\n');
    return openRunTrack(track);
  }
  tell('  It is scored on images held out of the training half; what is sealed stays sealed.\n');
  const { info } = await readSealedTrack(track);
  const source = await readTrainingHalf(track, info);
  const perClass = Math.floor(info.trainSize / info.classes.length);
  const testPerClass = Math.max(1, Math.floor(perClass / 5));
  const scratch = await mkdtemp(join(tmpdir(), 'haet-dry-'));
  await chmod(scratch, 0o711); // an entry runs as another user, and need not list what lies here
  const out = join(scratch, 'track');
  await makeTrack(source, { trainPerClass: perClass - testPerClass, testPerClass, seed, out });
  await chmod(join(out, 'labels.npy'), 0o600);
  const opened = await openRunTrack(out);
  return { ...opened, close: () => rm(scratch, { recursive: true, force: true }) };
}

/** @throws UserError when set or seed are not those that were committed to */
async function requireCommitted({ commitment, reveal, seed }: Options, { info }: RunTrack): Promise<void> {
  if (commitment === undefined && reveal === undefined) return;
  if (commitment === undefined || reveal === undefined) {
    throw new UserError('--commitment and --reveal go together: give both, or neither.');
  }
  const sealedSha256 = 'sealed' in info ? info.sealed.sha256 : null;
  const seeds = await committedSeeds({ commitment, reveal, sealedSha256 });
  if (seeds.includes(seed)) return;
  throw new UserError(`--seed ${seed} is not among the seeds committed to: ${seeds.join(', ')}.`);
}

/** The run is over and its verdict known: a page or a signature that cannot be made must not hide it. */
async function attempt(what: string, make: () => Promise<string>): Promise<string | null> {
  return make().catch((error: Error) => {
    tell(`haet: the record could not be ${what}: ${error.message}`);
    return null;
  });
}

/** Where an entry runs as another user on the same files, the folder of its run must stay where it is. */
async function requireOwnFolder({ out, sandbox }: Options): Promise<void> {
  const facts = await stat(out).catch(() => null);
  if (sandbox !== 'user' || facts === null || (facts.mode & 0o022) === 0) return;
  throw new UserError(
    `--out ${out} may be written to by others (mode ${(facts.mode & 0o777).toString(8)}). Run \`chmod 755\` on it.`,
  );
}

/** Runs that lie there from earlier are no business of this entry, which runs as another user beside them. */
async function shutEarlierRuns(out: string): Promise<void> {
  const entries = await readdir(out, { withFileTypes: true }).catch(() => []);
  for (const each of entries) {
    const folder = resolve(out, each.name);
    if (each.isDirectory() && existsSync(join(folder, recordFile))) await chmod(folder, 0o700);
  }
}

function imageId(value: string): string {
  if (!/^sha256:[0-9a-f]{64}$/.test(value)) {
    throw new UserError(
      `--image-id ${value} is no sha256:... as \`docker image inspect --format {{.Id}}\` prints.`,
    );
  }
  return value;
}
