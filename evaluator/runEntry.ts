import { randomBytes, randomUUID } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { execa } from 'execa';
import type { SealedTrackInfo } from '../datasets/sealing/sealedTrack.ts';
import type { TrackInfo } from '../datasets/track.ts';
import { UserError } from '../datasets/userError.ts';
import { disturbances } from './contention.ts';
import { type Limits, limitsSchema, type ProgressLine, type StageName } from './contract.ts';
import { decideVerdict, type RunFacts } from './decideVerdict.ts';
import { entryMemoryBytes } from './entryMemory.ts';
import { type Entry, listFiles } from './loadEntry.ts';
import { type Predictions, readPredictions } from './readPredictions.ts';
import type { RunRecord, Score } from './record.ts';
import {
  emptyWork,
  makeRunFolder,
  releaseReserve,
  removeWork,
  writeRecord,
  writeStart,
} from './runFolder.ts';
import { noProgress, runStage, type StageResult } from './runStage.ts';
import type { Sandbox, StageSpec } from './sandbox/sandbox.ts';
import { score } from './score.ts';
import { predictEnvironment, trainEnvironment } from './stageEnvironment.ts';
import { fencedPlaces, hostPlaces, mountsOf, type RunFolders } from './stagePlaces.ts';
import { hashArchive, moveEntry, takeEntry } from './takeEntry.ts';
import { tolerableLatenessSeconds } from './tolerableLateness.ts';
import { verdicts } from './verdict.ts';
import { projectFolder, version } from './version.ts';
import { openWithheld, type Withheld } from './withheld.ts';

export interface RunPlan {
  /** Folder of the entry, or the archive that it was sent in. */
  readonly entryPath: string;
  /** Words added to the command of the train stage. */
  readonly entryArguments?: readonly string[];
  readonly track: {
    readonly dir: string;
    readonly info: TrackInfo | SealedTrackInfo;
    /** The half that is scored on; where it lies open in the Track it need not be named. */
    readonly withheld?: Withheld;
  };
  /** The run's own folder is made in this one. */
  readonly runsFolder: string;
  readonly seed: number;
  /** How many runs of these bytes with this seed on these terms there were, with this one; 1 by default. */
  readonly attempt?: number;
  readonly limits?: Partial<Limits>;
  /** CPUs and memory that the entry may use, and is told of; by default all CPUs, and what entryMemory.ts leaves. */
  readonly cpus?: number;
  readonly memoryBytes?: number;
  readonly machine: RunRecord['machine'];
  /** What others may use of the CPUs before the run counts as disturbed, see contention.ts. */
  readonly mostDisturbance?: number;
  /** Sentences for the evidence: what was wrong with the machine before the run. */
  readonly remarks?: readonly string[];
}

export interface RunHooks {
  /** Ends training early; what it saved by then is scored. */
  readonly interrupt?: AbortSignal;
  /** Ends the run; nothing is scored any more. */
  readonly abort?: AbortSignal;
  readonly onStage?: (stage: StageName) => void;
  readonly onProgress?: (line: ProgressLine, atSeconds: number) => void;
}

const never = new AbortController().signal;

interface Run {
  readonly runId: string;
  readonly folders: RunFolders;
  readonly seed: number;
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly limits: Limits;
}

/**
 * Runs an entry on a Track and scores it. Always returns a record, whatever happened; it lies in the run's folder as
 * record.json unless the disk refused it.
 */
export async function runEntry(plan: RunPlan, sandbox: Sandbox, hooks: RunHooks = {}): Promise<RunRecord> {
  const abort = hooks.abort ?? never;
  const startedAt = new Date().toISOString();
  const limits = limitsSchema.parse(plan.limits ?? {});
  const cpus = plan.cpus ?? availableParallelism();
  const memoryBytes = plan.memoryBytes ?? entryMemoryBytes(plan.machine);
  const withheld = withheldOf(plan.track);
  const facts: { -readonly [Key in keyof RunFacts]: RunFacts[Key] } = {
    fault: null,
    rejected: null,
    aborted: false,
    tampered: null,
    train: null,
    modelSaved: false,
    predict: null,
    predictions: 'none',
  };
  const unpacked = resolve(plan.runsFolder, `.entry-${randomUUID()}`);
  let archiveSha256: string | null = null;
  let entry: Entry | null = null;
  let run: Run | null = null;
  let train: StageResult | null = null;
  let predict: StageResult | null = null;
  let scored: Score | null = null;

  try {
    archiveSha256 = await hashArchive(plan.entryPath);
    entry = await takeEntry(plan.entryPath, unpacked).catch((error) => {
      if (!(error instanceof UserError)) throw error;
      facts.rejected = error.message;
      return null;
    });
    const runId = runIdOf(startedAt, entry, plan.seed);
    const folders = await makeRunFolder(plan.runsFolder, runId);
    if (entry?.folder === unpacked) entry = await moveEntry(entry, join(folders.run, 'entry'));
    run = { runId, folders, seed: plan.seed, cpus, memoryBytes, limits };
    await writeStart(folders.run, {
      attempt: plan.attempt ?? 1,
      archiveSha256,
      track: plan.track.info,
      seed: plan.seed,
      sandbox: { kind: sandbox.kind },
      limits: { trainSeconds: limits.trainSeconds, predictSeconds: limits.predictSeconds, cpus, memoryBytes },
    });

    if (entry !== null && !abort.aborted) {
      hooks.onStage?.('train');
      train = await runStage(sandbox, {
        stage: 'train',
        spec: stageSpec('train', plan, run, entry, sandbox, ''),
        limitSeconds: limits.trainSeconds,
        folder: run.folders.run,
        limits,
        interrupt: AbortSignal.any([abort, hooks.interrupt ?? never]),
        ...(hooks.onProgress && { onProgress: hooks.onProgress }),
      });
      facts.train = { ...train.record, diskFull: train.diskFull };
      facts.modelSaved = await holdsFiles(run.folders.model);
      requirePunctual(train);
    }

    if (entry !== null && facts.modelSaved && !abort.aborted) {
      hooks.onStage?.('predict');
      await emptyWork(run.folders);
      predict = await runStage(sandbox, {
        stage: 'predict',
        spec: stageSpec('predict', plan, run, entry, sandbox, await withheld.images()),
        limitSeconds: limits.predictSeconds,
        folder: run.folders.run,
        limits,
        interrupt: abort,
      });
      facts.predict = { ...predict.record, diskFull: predict.diskFull };
      requirePunctual(predict);
    }
    await withheld.shut();
    if (train !== null) {
      const change = await withheld.change();
      // Where entries cannot write to the Track, it was something else that did, or the disk.
      if (sandbox.kind === 'process') facts.tampered = change;
      else if (change !== null) throw new Error(change);
    }

    if (
      predict?.record.ended === 'exited' &&
      predict.record.exitCode === 0 &&
      !abort.aborted &&
      facts.tampered === null
    ) {
      // No process of the entry lives from here on: the first moment at which the labels may be opened.
      const { info } = plan.track;
      const predictions = await readPredictions(run.folders.predictions, info.testSize, info.classes.length);
      facts.predictions = factOf(predictions);
      if (predictions.state === 'valid') {
        scored = score(predictions.scores, await withheld.labels(), info.classes);
      }
    }
  } catch (error) {
    // A Ctrl-C at the terminal can also strike a helper of ours that has just been started: no fault of the machine.
    if (!abort.aborted) facts.fault = `the evaluator failed: ${(error as Error).message}`;
  } finally {
    // The archive is the evidence. What an entry locked by its modes stays behind and costs no score.
    if (archiveSha256 !== null)
      await rm(entry?.folder ?? unpacked, { recursive: true, force: true }).catch(() => {});
  }
  if (abort.aborted && scored === null) {
    facts.aborted = true;
  }

  const { verdict, evidence } = decideVerdict(facts);
  const stages = [train, predict].filter((stage) => stage !== null);
  const record: RunRecord = {
    schemaVersion: 1,
    runId: run?.runId ?? runIdOf(startedAt, entry, plan.seed),
    startedAt,
    folder: run?.folders.run ?? plan.runsFolder,
    verdict,
    owner: verdicts[verdict].owner,
    evidence: [
      ...evidence,
      ...stages.flatMap((stage) => stage.notes),
      ...disturbances(
        stages.map((stage) => stage.record),
        cpus,
        plan.mostDisturbance,
      ),
      ...(plan.remarks ?? []),
    ],
    advice: verdicts[verdict].advice,
    score: verdict === 'SCORED' || verdict === 'SCORED_SALVAGED' ? scored : null,
    entry: entry && {
      name: entry.manifest.name,
      team: entry.manifest.team,
      path: resolve(plan.entryPath),
      sha256: entry.sha256,
    },
    archiveSha256,
    track: plan.track.info,
    seed: plan.seed,
    attempt: plan.attempt ?? 1,
    sandbox: { kind: sandbox.kind, contains: sandbox.contains, image: sandbox.image },
    limits: { trainSeconds: limits.trainSeconds, predictSeconds: limits.predictSeconds, cpus, memoryBytes },
    stages: stages.map((stage) => stage.record),
    progress: train?.progress ?? noProgress,
    machine: plan.machine,
    evaluator: { version, commit: await commitOf(projectFolder) },
  };
  return run === null ? record : keep(run, record);
}

function withheldOf({ dir, info, withheld }: RunPlan['track']): Withheld {
  if (withheld !== undefined) return withheld;
  if ('sealed' in info)
    throw new UserError(`${dir} is sealed: its withheld half needs the key that opens it`);
  return openWithheld(dir, info);
}

function stageSpec(
  stage: StageName,
  plan: RunPlan,
  run: Run,
  entry: Entry,
  sandbox: Sandbox,
  testImages: string,
): StageSpec {
  const host = hostPlaces(stage, {
    entry: entry.folder,
    trackDir: plan.track.dir,
    testImages,
    folders: run.folders,
  });
  const places = sandbox.fenced ? fencedPlaces : host;
  const { cpus, memoryBytes, limits } = run;
  return {
    argv:
      stage === 'train'
        ? withArguments(entry.manifest.train, plan.entryArguments ?? [])
        : withArguments(entry.manifest.predict, []),
    cwd: places.entry,
    environment:
      stage === 'train'
        ? trainEnvironment(run, places, limits.trainSeconds)
        : predictEnvironment(run, places, limits.predictSeconds),
    progress: stage === 'train',
    ...mountsOf(stage, host, places),
    work: places.work,
    limits: {
      cpus,
      memoryBytes,
      processes: limits.processes,
      workBytes: limits.workBytes,
      outBytes: limits.outBytes,
      outFiles: limits.outFiles,
    },
  };
}

/** Puts the record on disk; where the disk refuses, says so in the record that is returned. */
async function keep(run: Run, record: RunRecord): Promise<RunRecord> {
  try {
    await releaseReserve(run.folders);
    await writeRecord(run.folders.run, record);
    await removeWork(run.folders);
    return record;
  } catch (error) {
    return {
      ...record,
      verdict: 'INFRA_FAULT',
      owner: verdicts.INFRA_FAULT.owner,
      advice: verdicts.INFRA_FAULT.advice,
      score: null,
      evidence: [
        `the record could not be written: ${(error as Error).message}`,
        `it would have said ${record.verdict}${record.score ? `, ${record.score.correct} of ${record.score.total} right` : ''}`,
        ...record.evidence,
      ],
    };
  }
}

function requirePunctual(stage: StageResult): void {
  const { kill, limitSeconds } = stage.record;
  if (kill === null) return;
  const late = kill.goneAtSeconds - limitSeconds;
  if (late > tolerableLatenessSeconds) {
    throw new Error(
      `the ${stage.record.stage} stage was gone only ${late.toFixed(1)} s after its deadline; was the evaluator suspended or starved?`,
    );
  }
}

/** An entry that removed its own output folder, or shut it, left nothing. */
async function holdsFiles(folder: string): Promise<boolean> {
  return listFiles(folder).then(
    (files) => files.length > 0,
    () => false,
  );
}

function factOf(predictions: Predictions): RunFacts['predictions'] {
  return predictions.state === 'invalid' ? { invalid: predictions.reason } : predictions.state;
}

function withArguments(argv: readonly string[], more: readonly string[]): [string, ...string[]] {
  const [program, ...rest] = argv;
  return [program!, ...rest, ...more];
}

/**
 * Sortable by time, readable, fit for a file name, and unique whatever the clock says: the last part is random.
 * For example 2026-11-21T10-41-23-resnet-9-s1-9f86d081884c7d65.
 */
function runIdOf(startedAt: string, entry: Entry | null, seed: number): string {
  const name = (entry?.manifest.name ?? 'entry').toLowerCase().replace(/[^a-z0-9]+/g, '-');
  return `${startedAt.slice(0, 19).replaceAll(':', '-')}-${name.slice(0, 40).replace(/^-+|-+$/g, '') || 'entry'}-s${seed}-${randomBytes(8).toString('hex')}`;
}

/** The commit that the evaluator was built from: of the clone, or as the image was told; null where neither says. */
async function commitOf(folder: string): Promise<string | null> {
  const told = await readFile(join(folder, 'commit'), 'utf8').catch(() => '');
  if (/^[0-9a-f]{40}$/.test(told.trim())) return told.trim();
  const { stdout } = await execa('git', ['rev-parse', '--show-toplevel', 'HEAD'], {
    cwd: folder,
    reject: false,
  });
  const [top, commit] = (stdout ?? '').split('\n');
  return top === folder && commit !== undefined ? commit : null;
}
