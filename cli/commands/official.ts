import { createPublicKey } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { makeTrack } from '../../datasets/makeTrack.ts';
import { readIdentity } from '../../datasets/sealing/readIdentity.ts';
import { readSealedTrack } from '../../datasets/sealing/sealedTrack.ts';
import { readTrainingHalf } from '../../datasets/sources/trainingHalf.ts';
import { UserError } from '../../datasets/userError.ts';
import { requireChain } from '../../evaluator/attest/chain.ts';
import { createSigner } from '../../evaluator/attest/createSigner.ts';
import { deriveSigningKey } from '../../evaluator/attest/signingKey.ts';
import { limitsSchema } from '../../evaluator/contract.ts';
import { describeMachine } from '../../evaluator/machine.ts';
import type { RunPlan } from '../../evaluator/runEntry.ts';
import { recordFile } from '../../evaluator/runFolder.ts';
import { isSealed, openRunTrack, type RunTrack } from '../../evaluator/runTrack.ts';
import { groupOf, readProcessLimit } from '../../evaluator/sandbox/controlGroup.ts';
import { createSandbox } from '../../evaluator/sandbox/createSandbox.ts';
import type { SandboxKind } from '../../evaluator/sandbox/sandbox.ts';
import { verdicts } from '../../evaluator/verdict.ts';
import { evaluatorCommit, projectFolder, version } from '../../evaluator/version.ts';
import { numberOption } from '../numberOption.ts';
import {
  type Committed,
  readCommitted,
  requireHeld,
  requireOfficial,
  requireTerms,
  stageLimits,
} from '../requireOfficial.ts';
import { runInView } from '../runInView.ts';
import { imageOption, sandboxOption } from '../sandboxOption.ts';
import { listenForStops } from '../stopSignals.ts';
import { lastWordsOf, summarise } from '../summary.ts';

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
      'published before the contest; --seed must be one of the seeds committed to, and the terms as it says',
    )
    .option('--reveal <file>', 'the seeds that belong to the commitment')
    .option('--budget <seconds>', 'limit of the train stage', seconds, defaults.trainSeconds)
    .option('--predict-limit <seconds>', 'limit of the predict stage', seconds, defaults.predictSeconds)
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
CPUs, memory and processes are what the container was given. With the key, a container that does not limit them, or that
has a network, is refused, and every run is signed as it ends, whatever its verdict: the records in --out form a chain, and
one that is missing shows (haet verify OUT). With --commitment, terms other than those committed to are refused; limits that
are not given are taken from it. The exit status is that of haet dry-run.

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
  if (isOfficial) {
    requireHeld(sandbox);
    await requireChain(options.out, createPublicKey(deriveSigningKey(await readIdentity(options.identity))));
  }
  const track = isOfficial ? await openRunTrack(options.track, options.identity) : await dryTrack(options);
  const committed = await readSeedAndTerms(options, track);
  const { cores: cpus, memoryBytes } = machine;
  const inContainer = options.sandbox === 'user' ? readProcessLimit(groupOf('self')) : null;
  const processes = inContainer ?? committed?.terms.processes ?? defaults.processes;
  const limits = { ...stageLimits(options, command, committed), processes };
  if (committed !== null) {
    const evaluator = { version, commit: await evaluatorCommit() };
    const image = sandbox.image ?? options.imageId ?? null;
    requireTerms(committed, { ...limits, cpus, memoryBytes, sandbox: sandbox.kind, image, evaluator });
  }
  if (options.sandbox === 'user') await shutEarlierRuns(options.out);
  tell(
    `Track: ${track.info.name}; ${track.info.trainSize} images to train on, ${track.info.testSize} withheld.`,
  );

  const stops = listenForStops(tell);
  try {
    // Slow to load, so not for --help; nor later, when an entry may have changed the files.
    const { writeReport } = await import('../../evaluator/report/report.ts');
    const plan: RunPlan = {
      entryPath: options.entry,
      track,
      runsFolder: options.out,
      seed: options.seed,
      limits,
      cpus,
      memoryBytes,
      machine,
    };
    const record = await runInView(plan, sandbox, stops);
    // Also one that a person stopped: a run that is left out of the chain could be made again until it suits.
    const sign = createSigner(options.identity, options.out, options.imageId ?? null);
    const signed = isOfficial ? await attempt('signed', () => sign(record)) : null;
    const trackDir = 'sealed' in track.info ? null : track.dir;
    const report = await attempt('shown', () => writeReport(record.folder, { trackDir }));
    const print = (text: string) => (options.json ? process.stderr : process.stdout).write(text);
    print(summarise(record, report, await lastWordsOf(record)));
    print(signed === null ? '  NOT OFFICIAL: the record is not signed\n' : `  signed   ${signed}\n`);
    if (isOfficial && (stops.interrupt.aborted || stops.abort.aborted)) {
      print('  A person stopped it: it had less time than others, and its record says so.\n');
    }
    if (options.json) process.stdout.write(`${JSON.stringify(record)}\n`);
    const { exitCode } = verdicts[record.verdict];
    process.exitCode = isOfficial && signed === null ? verdicts.INFRA_FAULT.exitCode : exitCode;
  } finally {
    stops.close();
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
async function readSeedAndTerms(
  { commitment, reveal, seed }: Options,
  { info }: RunTrack,
): Promise<Committed | null> {
  if (commitment === undefined && reveal === undefined) return null;
  if (commitment === undefined || reveal === undefined) {
    throw new UserError('--commitment and --reveal go together: give both, or neither.');
  }
  const sealedSha256 = 'sealed' in info ? info.sealed.sha256 : null;
  const committed = await readCommitted({ commitment, reveal, sealedSha256 });
  if (committed.seeds.includes(seed)) return committed;
  throw new UserError(`--seed ${seed} is not among the seeds committed to: ${committed.seeds.join(', ')}.`);
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
