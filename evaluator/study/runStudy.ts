import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { UserError } from '../../datasets/userError.ts';
import { limitsSchema } from '../contract.ts';
import type { Executor } from '../grade/executor.ts';
import { forEachAtOnce } from '../grade/forEachAtOnce.ts';
import { createTurns } from '../grade/inTurn.ts';
import { entryMemoryBytes } from '../machine/entryMemory.ts';
import type { RunRecord } from '../run/record.ts';
import type { RunPlan } from '../run/runEntry.ts';
import type { RunTrack } from '../run/runTrack.ts';
import { unscoredFile } from '../run/unscored.ts';
import { type ScoredTrack, scoreOpenRun } from '../score/scoreOpenRun.ts';
import { type Cell, cellsOf, runsOf, type StudyRun } from './design.ts';
import { roundsOf, survivors } from './halving.ts';
import { type Outcome, outcomeOf, readResult } from './outcome.ts';
import type { Arm, StudySpec } from './spec.ts';
import { hashEntry, jobFolder, type StudyTerms } from './terms.ts';

export interface StudyPlan {
  readonly spec: StudySpec;
  /** Folder or archive of the entry. */
  readonly entryPath: string;
  /** The Track of every sample of the specification, by its seed. */
  readonly samples: ReadonlyMap<number, RunTrack>;
  /** Locked by the caller. */
  readonly outFolder: string;
  readonly machine: RunRecord['machine'];
  readonly cpus: number;
  /** Default: what the machine has. */
  readonly memoryBytes?: number | undefined;
  /** Whether models stay in the runs' folders. */
  readonly keepModels: boolean;
}

export interface StudyHooks {
  /** Stops the runs in progress; no other is started. */
  readonly abort: AbortSignal;
  readonly warn: (sentence: string) => void;
  /** @param place number of the run in its round, from 1 */
  readonly starts: (run: StudyRun, place: number, of: number) => void;
  /** @param earlier whether the run was made by an earlier call */
  readonly ended: (outcome: Outcome, earlier: boolean) => unknown;
  /** Gets what is known after each new run, one call at a time. */
  readonly progress?: (soFar: StudyResult) => Promise<unknown>;
  /** @param runs number of runs that each arm of the round has made */
  readonly stopsArms: (names: readonly string[], runs: number) => void;
}

export interface StudyResult {
  readonly spec: StudySpec;
  readonly cells: readonly Cell[];
  /** Arm by arm, each in the order of the cells. */
  readonly outcomes: readonly Outcome[];
  /** Number of runs after which a search stopped an arm. */
  readonly stoppedAfter: ReadonlyMap<string, number>;
  /** Whether every run that the search asks for has a result. */
  readonly isComplete: boolean;
}

interface MadeRun {
  readonly outcome: Outcome;
  /** Whether this call made it. */
  readonly isNew: boolean;
}

/** Runs of one job in one call: a fault of the machine is tried again once. */
const tries = 2;

/**
 * Runs the arms of a study over its samples and seeds, as many runs at once as the executor makes. Runs on the same terms whose records are in the out folder are
 * not made again, so the same call resumes after a stop or a kill, and after a change of the specification. The
 * decisions of a search follow from the records alone.
 * @returns what is known at the end; not complete if it was stopped or the machine failed a run twice
 * @throws UserError if the entry changes meanwhile
 */
export async function runStudy(plan: StudyPlan, executor: Executor, hooks: StudyHooks): Promise<StudyResult> {
  const { spec } = plan;
  const cells = cellsOf(spec);
  const entrySha256 = await hashEntry(plan.entryPath);
  const failure = new AbortController();
  const abort = AbortSignal.any([hooks.abort, failure.signal]);
  const inTurn = createTurns();
  const outcomes: Outcome[] = [];
  const stoppedAfter = new Map<string, number>();
  let arms: readonly Arm[] = spec.arms;
  let isComplete = true;
  let done = 0;
  for (const { runs } of roundsOf(spec.search, cells.length)) {
    const round = runsOf(arms, cells.slice(done, runs), done);
    const before = outcomes.length;
    const makeOne = async ([at, run]: [number, StudyRun]): Promise<void> => {
      const made = await makeRun(run, () => hooks.starts(run, at + 1, round.length));
      if (made === null) return;
      outcomes.push(made.outcome);
      if (made.isNew) await inTurn(async () => hooks.progress?.(result(false)));
    };
    await forEachAtOnce([...round.entries()], executor.jobs, makeOne, () => failure.abort());
    const made = outcomes.slice(before).filter(({ isResult }) => isResult).length;
    isComplete = made === round.length;
    if (!isComplete) break;
    done = runs;
    if (spec.search.kind === 'grid' || done === cells.length) continue;
    const kept = survivors(
      arms.map(({ name }) => ({ name, accuracies: accuraciesOf(outcomes, name, cells.slice(0, done)) })),
      spec.baseline,
      spec.search.factor,
    );
    const dropped = arms.map(({ name }) => name).filter((name) => !kept.includes(name));
    for (const name of dropped) stoppedAfter.set(name, done);
    if (dropped.length > 0) hooks.stopsArms(dropped, done);
    arms = arms.filter(({ name }) => kept.includes(name));
  }
  return result(isComplete);

  function result(isComplete: boolean): StudyResult {
    return { spec, cells, outcomes: inOrder(outcomes, spec.arms, cells), stoppedAfter, isComplete };
  }

  /** Scores a run that was made where the labels are not. */
  async function scored(record: RunRecord, track: ScoredTrack): Promise<RunRecord> {
    if (!existsSync(join(record.folder, unscoredFile))) return record;
    return inTurn(() => scoreOpenRun(record.folder, track));
  }

  /** Returns null if there is no record: the study was stopped, or the run goes on elsewhere. */
  async function makeRun({ arm, cell }: StudyRun, starts: () => void): Promise<MadeRun | null> {
    const { dir, info } = plan.samples.get(cell.sample)!;
    const terms = termsOf(plan, executor.sandbox.kind, entrySha256, arm, cell);
    const runsFolder = jobFolder(plan.outFolder, cell, terms);
    const found = await readResult(runsFolder, { dir, info }, hooks.warn);
    if (found.open !== null && !executor.takesUp) throw stillOpen(found.open.folder);
    const ended = async (record: RunRecord, isEarlier: boolean) => {
      const outcome = outcomeOf(arm.name, cell, record, spec.budget.kind);
      await hooks.ended(outcome, isEarlier);
      return { outcome, isNew: !isEarlier };
    };
    if (found.record !== null) return ended(found.record, true);
    if (abort.aborted) return null;
    starts();
    for (let made = 1; ; made++) {
      const open = made === 1 ? found.open : null;
      await requireEntry(plan.entryPath, entrySha256);
      const { trainSeconds, predictSeconds } = terms;
      const run: RunPlan = {
        entryPath: plan.entryPath,
        entryArguments: terms.words,
        // Without its withheld half: runs at once must not share what they open.
        track: { dir, info },
        runsFolder,
        seed: cell.seed,
        attempt: open?.number ?? found.attempts + made,
        limits: { trainSeconds, predictSeconds },
        cpus: plan.cpus,
        memoryBytes: plan.memoryBytes ?? entryMemoryBytes(plan.machine),
        machine: plan.machine,
        keepModel: plan.keepModels,
        // Whether rows depend on other images is decided by the code of an arm: its first run shows it.
        predictOnce: cell !== cells[0],
      };
      const order = { plan: run, archiveSha256: entrySha256, open: open?.folder ?? null };
      const returned = await executor.run(order, abort);
      if (returned === null) return null;
      await requireEntry(plan.entryPath, entrySha256, returned);
      const record = await scored(returned, { dir, info });
      if (record.verdict === 'ABORTED') return null;
      const isFault = record.owner !== 'contestant';
      if (!isFault || made === tries || abort.aborted) return ended(record, false);
      hooks.warn(`${record.verdict}: ${record.evidence[0]}. The run is tried again.`);
    }
  }
}

function inOrder(outcomes: readonly Outcome[], arms: readonly Arm[], cells: readonly Cell[]): Outcome[] {
  return arms.flatMap(({ name }) =>
    cells.flatMap((cell) => outcomes.filter((each) => each.arm === name && each.cell === cell)),
  );
}

/** Returns the accuracies of an arm by cell; null without one. */
export function accuraciesOf(
  outcomes: readonly Outcome[],
  arm: string,
  cells: readonly Cell[],
): (number | null)[] {
  return cells.map(({ sample, seed }) => {
    const found = outcomes.find(
      ({ arm: name, cell }) => name === arm && cell.sample === sample && cell.seed === seed,
    );
    return found?.accuracy ?? null;
  });
}

function termsOf(
  plan: StudyPlan,
  sandbox: StudyTerms['sandbox'],
  entrySha256: string,
  arm: Arm,
  { sample, seed }: Cell,
): StudyTerms {
  const { spec, cpus } = plan;
  const { info } = plan.samples.get(sample)!;
  return {
    entrySha256,
    words: [...spec.budget.words, ...arm.words],
    trainSeconds: spec.budget.trainSeconds,
    predictSeconds: spec.predictSeconds ?? usualPredictSeconds(info.testSize),
    cpus,
    memoryBytes: plan.memoryBytes ?? null,
    sandbox,
    seed,
    track: info.sha256,
  };
}

function stillOpen(folder: string): UserError {
  return new UserError({
    path: folder,
    reason: 'is a run that was given to Slurm and has not ended',
    remedy: 'Give --executor slurm, or end it first with --executor slurm --cancel.',
  });
}

/** The contest's limit is for 1,000 images: what is fast enough there is fast enough here. */
function usualPredictSeconds(images: number): number {
  const schema = limitsSchema.shape.predictSeconds;
  return Math.min(schema.parse(undefined) * Math.max(1, images / 1000), schema.unwrap().maxValue!);
}

/**
 * Checks that an entry is the one that the study began with.
 * @param record of a run that just ended; its folder is removed if the entry is another
 */
async function requireEntry(path: string, sha256: string, record?: RunRecord): Promise<void> {
  const now = await hashEntry(path).catch(() => null);
  if (now === sha256) return;
  if (record !== undefined) await rm(record.folder, { recursive: true, force: true });
  throw new UserError({
    path,
    reason: `was changed during the study${record === undefined ? '' : `, so its run ${basename(record.folder)} does not count`}`,
    remedy:
      'Run the command again to study the entry as it is now. To go on editing it during a study, give an archive made by `haet pack`.',
  });
}
