import { randomBytes, randomUUID } from 'node:crypto';
import { lstat, rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { describeOwnFault } from '../../datasets/describeFault.ts';
import type { SealedTrackInfo } from '../../datasets/sealing/sealedTrack.ts';
import type { TrackInfo } from '../../datasets/track.ts';
import { UserError } from '../../datasets/userError.ts';
import {
  type Limits,
  limitsSchema,
  type ProgressLine,
  predictionsFile,
  type StageName,
} from '../contract.ts';
import { type ArchiveLimits, archiveLimitsSchema } from '../intake/limits.ts';
import { type Entry, hashFolder } from '../intake/loadEntry.ts';
import { hashArchive, moveEntry, takeEntry } from '../intake/takeEntry.ts';
import { evaluatorCommit } from '../machine/commit.ts';
import { disturbances } from '../machine/contention.ts';
import { entryMemoryBytes } from '../machine/entryMemory.ts';
import { version } from '../machine/version.ts';
import type { Sandbox, StageSpec } from '../sandbox/sandbox.ts';
import { type Predictions, readPredictions } from '../score/readPredictions.ts';
import { score } from '../score/score.ts';
import {
  type KeptFiles,
  keepPredictions,
  keepRegularFiles,
  type PredictionsKind,
} from '../stage/keepRegularFiles.ts';
import { removePath } from '../stage/removeTree.ts';
import { noProgress, runStage, type StageResult } from '../stage/runStage.ts';
import { predictEnvironment, trainEnvironment } from '../stage/stageEnvironment.ts';
import { fencedPlaces, hostPlaces, mountsOf, type RunFolders } from '../stage/stagePlaces.ts';
import { tolerableLatenessSeconds } from '../stage/tolerableLateness.ts';
import { decideVerdict, type RunFacts } from './decideVerdict.ts';
import { predictAgain } from './predictAgain.ts';
import { pruneModel } from './pruneModel.ts';
import { type RunRecord, type RunStage, runRecordVersion, type Score } from './record.ts';
import {
  emptyWork,
  makeRunFolder,
  releaseReserve,
  removeAside,
  removeWork,
  writeRecord,
  writeStart,
} from './runFolder.ts';
import { writeUnscored } from './unscored.ts';
import { verdicts } from './verdict.ts';
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
  /** Content hash of the image that the evaluator itself runs in; for the signed record of a sealed Track. */
  readonly evaluatorImage?: string;
  /** What an archive may be; where not given, the usual. */
  readonly intake?: ArchiveLimits;
  /** Whether the model stays in the run's folder when it has been used and hashed. Default true. */
  readonly keepModel?: boolean;
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
  readonly onStage?: (stage: RunStage) => void;
  readonly onProgress?: (line: ProgressLine, atSeconds: number) => void;
  /** Looks at the output folder of a stage as the stage left it, before anything of it is removed. */
  readonly onOutput?: (stage: StageName, folder: string) => Promise<void>;
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
 *
 * On a sealed Track the record is not final: it lies there as unscored.json, until `scoreRun` adds the score, where the
 * predictions are valid, and signs it.
 */
export async function runEntry(plan: RunPlan, sandbox: Sandbox, hooks: RunHooks = {}): Promise<RunRecord> {
  const abort = hooks.abort ?? never;
  const startedAt = new Date().toISOString();
  const limits = limitsSchema.parse(plan.limits ?? {});
  const cpus = plan.cpus ?? availableParallelism();
  const memoryBytes = plan.memoryBytes ?? entryMemoryBytes(plan.machine);
  const intake = plan.intake ?? archiveLimitsSchema.parse({});
  const { trainSeconds, predictSeconds, processes } = limits;
  const held: RunRecord['limits'] = { trainSeconds, predictSeconds, cpus, memoryBytes, processes };
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
    again: null,
  };
  const unpacked = resolve(plan.runsFolder, `.entry-${randomUUID()}`);
  let archiveSha256: string | null = null;
  let entry: Entry | null = null;
  let run: Run | null = null;
  let train: StageResult | null = null;
  let predict: StageResult | null = null;
  let again: StageResult | null = null;
  let modelSha256: string | null = null;
  const notes: string[] = [];
  let scored: Score | null = null;
  let awaitsScore = false;

  try {
    archiveSha256 = await hashArchive(plan.entryPath);
    entry = await takeEntry(plan.entryPath, unpacked, intake).catch((error) => {
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
      limits: held,
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
      await hooks.onOutput?.('train', run.folders.model);
      const kept = await keepRegularFiles(run.folders.model);
      notes.push(...notesOn(kept, limits));
      // What is longer than it may be is not read, not even to be hashed: a file of holes can be of any length.
      if (kept.bytes > limits.outBytes) facts.train = { ...facts.train, diskFull: true };
      else facts.modelSaved = !train.beyondQuota && kept.files > 0;
      if (facts.modelSaved) modelSha256 = await hashFolder(run.folders.model);
      requireFair(train);
    }

    let predictions: Predictions = { state: 'none' };
    if (entry !== null && facts.modelSaved && !abort.aborted) {
      const { folders } = run;
      const specOn = (testImages: string) => stageSpec('predict', plan, run!, entry!, sandbox, testImages);
      const runOn = (stage: RunStage, testImages: string) => {
        hooks.onStage?.(stage);
        return runStage(sandbox, {
          stage,
          spec: specOn(testImages),
          limitSeconds: limits.predictSeconds,
          folder: folders.run,
          limits,
          interrupt: abort,
        });
      };
      await emptyWork(folders);
      predict = await runOn('predict', await withheld.images());
      facts.predict = { ...predict.record, diskFull: predict.diskFull };
      await hooks.onOutput?.('predict', folders.predictions);
      const left = await keepPredictions(folders.predictions);
      requireFair(predict);

      const { testSize, classes } = plan.track.info;
      const shape = { testSize, classes: classes.length };
      if (endedWell(predict) && !abort.aborted) {
        predictions = isReadable(left)
          ? await readPredictions(folders.predictions, shape.testSize, shape.classes)
          : noRegularFile(left);
        facts.predictions = factOf(predictions);
      }
      // What an entry changed in a Track that lies open is known before its images are read again.
      if (sandbox.kind === 'process') facts.tampered = await withheld.change();
      if (predictions.state === 'valid' && facts.tampered === null && !abort.aborted) {
        const second = await predictAgain(predictions.scores, shape, folders, withheld, (testImages) =>
          runOn('predict-again', testImages),
        );
        again = second.stage;
        facts.again = {
          stage: { ...again.record, diskFull: again.diskFull },
          predictions: factOf(second.predictions),
          disagreement: second.disagreement,
        };
        requireFair(again);
      }
    }
    await withheld.shut();
    if (train !== null) {
      const change = await withheld.change();
      // Where entries cannot write to the Track, it was something else that did, or the disk.
      if (sandbox.kind === 'process') facts.tampered ??= change;
      else if (change !== null) throw new Error(change);
    }

    if (
      predictions.state === 'valid' &&
      facts.again?.predictions === 'valid' &&
      facts.again.disagreement === null &&
      !abort.aborted &&
      facts.tampered === null
    ) {
      // No process of the entry lives from here on: the first moment at which the labels may be opened.
      if (withheld.labels === null) awaitsScore = true;
      else scored = score(predictions.scores, await withheld.labels(), plan.track.info.classes);
    }
  } catch (error) {
    // A Ctrl-C at the terminal can also strike a helper of ours that has just been started: no fault of the machine.
    if (!abort.aborted) facts.fault = `the evaluator failed: ${describeOwnFault(error)}`;
  } finally {
    await withheld.shut().catch(() => {});
    // The archive is the evidence. What an entry locked by its modes stays behind and costs no score.
    if (archiveSha256 !== null) await removePath(entry?.folder ?? unpacked).catch(() => {});
  }
  if (abort.aborted && scored === null && !awaitsScore) {
    facts.aborted = true;
  }
  if (run !== null) {
    await tidy(run, facts.fault !== null, plan.keepModel ?? true).catch((error) => {
      notes.push(`the folder of the run could not be tidied: ${describeOwnFault(error)}`);
    });
  }

  const { verdict, evidence } = decideVerdict(facts);
  const stages = [train, predict, again].filter((stage) => stage !== null);
  const record: RunRecord = {
    schemaVersion: runRecordVersion,
    runId: run?.runId ?? runIdOf(startedAt, entry, plan.seed),
    startedAt,
    folder: run?.folders.run ?? plan.runsFolder,
    verdict,
    owner: verdicts[verdict].owner,
    evidence: [
      ...evidence,
      ...notes,
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
    modelSha256,
    intake,
    track: plan.track.info,
    seed: plan.seed,
    attempt: plan.attempt ?? 1,
    sandbox: {
      kind: sandbox.kind,
      contains: sandbox.contains,
      holds: sandbox.holds,
      image: sandbox.image,
    },
    limits: held,
    stages: stages.map((stage) => stage.record),
    progress: train?.progress ?? noProgress,
    machine: plan.machine,
    evaluator: { version, commit: await evaluatorCommit() },
  };
  if (run === null) return record;
  const { folders } = run;
  return keep(folders, record, () =>
    withheld.labels === null
      ? writeUnscored(record, plan.evaluatorImage ?? null)
      : writeRecord(folders.run, record),
  );
}

function withheldOf({ dir, info, withheld }: RunPlan['track']): Withheld {
  if (withheld !== undefined) return withheld;
  if ('sealed' in info)
    throw new UserError(`${dir} is sealed: its withheld half needs the key that opens its images`);
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
async function keep(folders: RunFolders, record: RunRecord, write: () => Promise<void>): Promise<RunRecord> {
  try {
    await releaseReserve(folders);
    await write();
    await removeWork(folders);
    await removeAside(folders);
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

/** @throws Error where this machine failed the stage, or gave it time that others did not have */
function requireFair({ record: { stage, kill, limitSeconds }, machineFault }: StageResult): void {
  if (machineFault !== null) throw new Error(`${stage}: ${machineFault}`);
  if (kill === null) return;
  const late = kill.stoppedAtSeconds - limitSeconds;
  if (late > tolerableLatenessSeconds) {
    throw new Error(
      `the ${stage} stage was stopped only ${late.toFixed(1)} s after its deadline; was the evaluator suspended or starved?`,
    );
  }
}

/** Facts for the record about what was left in the output folder of train. */
function notesOn({ removed, bytes }: KeptFiles, { outBytes }: Limits): string[] {
  return [
    ...(removed === 0
      ? []
      : [
          `train: ${removed} things in its output folder that are no regular files of a plain name were removed`,
        ]),
    ...(bytes <= outBytes
      ? []
      : [`train: the files in its output folder are ${bytes} bytes long; at most ${outBytes} are taken`]),
  ];
}

/** After a fault as after any run: nothing but regular files is left, and of a model what was asked for. */
async function tidy({ folders, limits }: Run, isFault: boolean, keepModel: boolean): Promise<void> {
  if (isFault) {
    await keepRegularFiles(folders.model);
    await keepPredictions(folders.predictions);
  }
  // Holes take no room here, but all their length wherever they are copied or hashed.
  const { size } = await lstat(join(folders.predictions, predictionsFile)).catch(() => ({ size: 0 }));
  if (size > limits.outBytes) await rm(join(folders.predictions, predictionsFile));
  if (!keepModel) await pruneModel(folders.model);
}

function endedWell({ record: { ended, exitCode }, beyondQuota }: StageResult): boolean {
  return ended === 'exited' && exitCode === 0 && !beyondQuota;
}

function isReadable(left: PredictionsKind): left is 'file' | 'nothing' {
  return left === 'file' || left === 'nothing';
}

function noRegularFile(kind: Exclude<PredictionsKind, 'file' | 'nothing'>): Predictions {
  return { state: 'invalid', reason: `${predictionsFile} is a ${kind}, not a regular file` };
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
