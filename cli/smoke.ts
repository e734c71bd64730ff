import { join, resolve } from 'node:path';
import { UserError } from '../datasets/userError.ts';
import { listArchives } from '../evaluator/grade/listArchives.ts';
import { requireNoGrading, smokeArchives, smokeFile } from '../evaluator/grade/smoke/smokeArchives.ts';
import { entryMemoryBytes } from '../evaluator/machine/entryMemory.ts';
import { lockFolder } from '../evaluator/machine/lockFolder.ts';
import { describeMachine } from '../evaluator/machine/machine.ts';
import { isSealed, openRunTrack } from '../evaluator/run/runTrack.ts';
import { verdicts } from '../evaluator/run/verdict.ts';
import { createSandbox } from '../evaluator/sandbox/createSandbox.ts';
import { requireNotShown } from '../evaluator/sandbox/requireNotShown.ts';
import { type IntakeOptions, intakeLimits } from './options/intakeOptions.ts';
import { type StrangersSandbox, strangersSandbox, warnWhereUnfenced } from './options/sandboxOptions.ts';
import { requireOut } from './requireOut.ts';
import { listenForStops } from './stopSignals.ts';
import { say, sayJson, shortName, tell } from './terminal.ts';
import { lockForTiming } from './timedRun.ts';

export interface SmokeOptions extends StrangersSandbox, IntakeOptions {
  readonly track: string;
  readonly out: string;
  readonly seed: number;
  readonly predictLimit: number;
  readonly cpus?: number;
  readonly memory?: number;
  readonly json?: boolean;
}

/**
 * `haet grade --smoke`: tries every archive for a short time, for the contestants to see whether it works at all.
 * @param makeFolder creates the folder for the results and returns its absolute path
 */
export async function smoke(
  folder: string,
  trainSeconds: number,
  options: SmokeOptions,
  makeFolder: (out: string) => Promise<string>,
): Promise<void> {
  const kind = strangersSandbox(options);
  if (await isSealed(options.track)) {
    throw new UserError({
      option: '--smoke',
      reason: `needs a public Track, and ${options.track} is sealed: what an entry prints while it sees sealed images must not be sent to anyone`,
      remedy: 'Give another Track, for example one that `haet data make --source synthetic` made.',
    });
  }
  const { archives } = await listArchives(folder, options.out);
  await requireOut(options.out);
  requireNoGrading(options.out);
  const machine = await describeMachine();
  const memoryBytes = entryMemoryBytes(machine, options.memory);
  const unlockMachine = lockForTiming(tell);
  const sandbox = await createSandbox(kind, options);
  const track = await openRunTrack(options.track);
  requireNotShown(sandbox, { '--track': track.dir, '--out': options.out, 'the folder of archives': folder });
  const outFolder = await makeFolder(options.out);
  const unlock = lockFolder(outFolder);
  const stops = listenForStops(tell);
  try {
    warnWhereUnfenced(kind, tell);
    const results = await smokeArchives(
      {
        archives,
        track,
        outFolder,
        trainSeconds,
        limits: { predictSeconds: options.predictLimit },
        seed: options.seed,
        cpus: options.cpus ?? machine.cores,
        memoryBytes,
        machine,
        intake: intakeLimits(options),
      },
      sandbox,
      {
        abort: stops.abort,
        starts: ({ file }) => tell(`${file}  starts`),
        ended: ({ file, started, predicted, verdict, evidence }, earlier) =>
          tell(
            `${file}  started: ${started ? 'yes' : 'no'}, predicted: ${predicted ? 'yes' : `no (${verdict}; ${evidence[0]})`}${earlier ? ' (earlier)' : ''}`,
          ),
      },
    );
    if (options.json) sayJson(results);
    else {
      const work = results.filter(({ predicted }) => predicted).length;
      say(
        `${work} of ${archives.length} archives started and predicted. Each has a folder for its contestant in ${outFolder}`,
        `  ${join(resolve(outFolder), smokeFile)}`,
        ...results
          .filter(({ predicted }) => !predicted)
          .map(({ file, verdict }) => `  ${shortName(file)}: ${verdict}`),
      );
    }
    if (results.length < archives.length) {
      tell(`${archives.length - results.length} archives have no result. Run the same command again.`);
      process.exitCode = verdicts[stops.abort.aborted ? 'ABORTED' : 'INFRA_FAULT'].exitCode;
    }
  } finally {
    stops.close();
    await track.close();
    unlock();
    unlockMachine();
  }
}
