import type { StageName } from '../contract.ts';
import type { Entry } from '../intake/loadEntry.ts';
import type { StageSpec } from '../sandbox/sandbox.ts';
import { runStage, type StageResult } from '../stage/runStage.ts';
import { makeShortPath } from '../stage/shortPath.ts';
import { predictEnvironment, trainEnvironment } from '../stage/stageEnvironment.ts';
import {
  fencedPlaces,
  hostPlaces,
  mountsOf,
  type RunFolders,
  type StagePlaces,
} from '../stage/stagePlaces.ts';
import { tolerableLatenessSeconds } from '../stage/tolerableLateness.ts';
import type { RunStage, StageRecord } from './record.ts';
import type { SettledRun } from './settleRun.ts';
import type { Intake } from './takeIn.ts';

/** An accepted entry, with everything that its stages need. */
export interface Ready {
  readonly runId: string;
  readonly entry: Entry;
  readonly folders: RunFolders;
  readonly trackDir: string;
}

/** Returns what stages need; null if the entry was rejected or its run has no folder. */
export function readyOf({ runId, entry, folders, trackDir, fault }: Intake): Ready | null {
  return entry === null || folders === null || fault !== null ? null : { runId, entry, folders, trackDir };
}

/**
 * Runs one stage of an entry to its end.
 * @param testImages path of the test images; null in training
 * @throws Error for a fault of the sandbox or the evaluator, never of the entry
 */
export async function runEntryStage(
  run: SettledRun,
  ready: Ready,
  stage: RunStage,
  testImages: string | null,
): Promise<StageResult> {
  const { sandbox, hooks, limits } = run;
  hooks.onStage?.(stage);
  const { entry, folders, trackDir } = ready;
  const temporary = await makeShortPath(folders.work);
  try {
    const at = {
      ...{ entry: entry.folder, trackDir, testImages: testImages ?? '' },
      ...{ folders, temporary: temporary.path },
    };
    const name = stage === 'train' ? 'train' : 'predict';
    const host = hostPlaces(name, at);
    return await runStage(sandbox, {
      stage,
      spec: specOf(run, ready, name, host),
      limitSeconds: stage === 'train' ? limits.trainSeconds : limits.predictSeconds,
      folder: folders.run,
      limits,
      interrupt: stage === 'train' ? run.interrupt : run.abort,
      ...(stage === 'train' && hooks.onProgress && { onProgress: hooks.onProgress }),
    });
  } finally {
    await temporary.remove();
  }
}

function specOf(
  { plan, sandbox, limits, recordedLimits: { cpus, memoryBytes } }: SettledRun,
  { runId, entry }: Ready,
  stage: StageName,
  host: StagePlaces,
): StageSpec {
  const places = sandbox.fenced ? fencedPlaces : host;
  const settings = { runId, seed: plan.seed, cpus, memoryBytes, visibleGpus: plan.gpus?.visible };
  const { processes, workBytes, outBytes, outFiles } = limits;
  return {
    argv:
      stage === 'train'
        ? withArguments(entry.manifest.train, plan.entryArguments ?? [])
        : withArguments(entry.manifest.predict, []),
    cwd: places.entry,
    environment:
      stage === 'train'
        ? trainEnvironment(settings, places, limits.trainSeconds)
        : predictEnvironment(settings, places, limits.predictSeconds),
    progress: stage === 'train',
    ...mountsOf(stage, host, places),
    work: places.work,
    limits: { cpus, memoryBytes, processes, workBytes, outBytes, outFiles },
    ...(plan.cpuSet && { cpuSet: plan.cpuSet }),
    ...(plan.gpus && { gpus: plan.gpus.gpus }),
  };
}

function withArguments(argv: readonly string[], more: readonly string[]): [string, ...string[]] {
  const [program, ...rest] = argv;
  return [program!, ...rest, ...more];
}

/**
 * Checks that the machine treated a stage fairly.
 * @throws Error if the machine failed the stage, left processes of it alive, or gave it extra time
 */
export function requireFair({ record, machineFault }: StageResult): void {
  const { stage, kill, limitSeconds } = record;
  if (machineFault !== null) throw new Error(`${stage}: ${machineFault}`);
  const survivors = survivorsOf(record);
  if (survivors !== null) throw new Error(survivors);
  if (kill === null) return;
  const late = kill.stoppedAtSeconds - limitSeconds;
  if (late > tolerableLatenessSeconds) {
    throw new Error(
      `the ${stage} stage was stopped ${late.toFixed(1)} s after its deadline; the evaluator may have been suspended or starved`,
    );
  }
}

/** Returns a sentence about the processes that survived the kill of a stage; null if there are none. */
export function survivorsOf({ stage, processesLeft }: StageRecord): string | null {
  return processesLeft === null || processesLeft === 0
    ? null
    : `${processesLeft} processes of the ${stage} stage were still alive after it was killed`;
}
