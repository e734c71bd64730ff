import { basename, join } from 'node:path';
import { trackFiles } from '../../datasets/track.ts';
import { UserError } from '../../datasets/userError.ts';
import { hashFile } from '../intake/hashFile.ts';
import { type ArchiveLimits, archiveLimitsSchema } from '../intake/limits.ts';
import { entryMemoryBytes } from '../machine/entryMemory.ts';
import type { RunRecord } from '../run/record.ts';
import type { RunPlan } from '../run/runEntry.ts';
import type { RunTrack } from '../run/runTrack.ts';
import { type Attempts, clearUnfinished, readAttempts } from './attempts.ts';
import { addDecisions, type Decision } from './decisions.ts';
import type { Executor } from './executor.ts';
import { createExtraWork } from './extraWork.ts';
import { forEachAtOnce } from './forEachAtOnce.ts';
import { makeGradedFolders, publicFolder } from './gradedFolders.ts';
import {
  ensureReport,
  finishEarlier,
  gradeJob,
  isVoidedByCanary,
  type JobHooks,
  type JobRules,
} from './gradeJob.ts';
import { type GradedJob, type Grading, jobsOf, jobTermsOf, termsText, writeGrading } from './grading.ts';
import { createTurns } from './inTurn.ts';
import {
  allowedOf,
  currentOf,
  type JobState,
  readLog,
  standingFrom,
  stateOf,
  waitsForAPerson,
} from './judging.ts';
import type { LeftOut, Submission } from './listArchives.ts';
import { refusedArchives } from './refusedArchives.ts';
import { openRejudging } from './rejudging/rejudgings.ts';
import { repeatsOf } from './repeats.ts';
import { createSparing } from './sparing.ts';
import type { Standing } from './standing.ts';
import { agrees } from './terms.ts';
import { writeStanding } from './writeStanding.ts';

export interface GradePlan {
  readonly archives: readonly Submission[];
  /** Files of the folder that are no archives; default: none. Listed on the leaderboard. */
  readonly leftOut?: readonly LeftOut[];
  readonly track: RunTrack;
  /** The leaderboard is written into its `public/`, the runs' folders into its `runs/`. Locked by the caller. */
  readonly outFolder: string;
  readonly seeds: readonly number[];
  readonly trainSeconds: number;
  readonly predictSeconds: number;
  /** Maximum number of processes and threads of an entry. */
  readonly processes: number;
  /** Default: all of this machine; then records made with other values count too. */
  readonly cpus?: number;
  readonly memoryBytes?: number;
  /** Maximum repeats of a run that does not count, over all calls. */
  readonly retries: number;
  /** Share of the CPUs that other work may use before a run counts as disturbed, a fraction of 1; see contention.ts. */
  readonly mostDisturbance: number;
  /** Maximum archives per team; default: no limit. */
  readonly perTeam?: number;
  /** File names of archives that are run for comparison: without a rank, and not counted for their team. */
  readonly baselines?: readonly string[];
  /** A person's decision to allow one more attempt of a job without remaining retries. */
  readonly repeat?: { readonly archive: string; readonly seed: number | null; readonly because: string };
  readonly machine: RunRecord['machine'];
  /** Limits of intake; default limits if not given. */
  readonly intake?: ArchiveLimits;
  /** Whether models stay in the runs' folders after they were used and hashed. Default false. */
  readonly keepModels?: boolean;
}

/** One archive with one seed; several file names may have these bytes. */
export interface Job extends GradedJob {
  readonly archive: Submission;
  /** 1 for the first. */
  readonly number: number;
  readonly of: number;
}

export interface GradeHooks extends JobHooks {
  readonly starts: (job: Job) => void;
  /** @param earlier whether the record existed before this call */
  readonly ended: (job: Job, record: RunRecord, earlier: boolean) => unknown;
}

/**
 * Grades archives in order, each with every seed, as many at once as the executor runs. Jobs that have a result on the same terms are not run
 * again, so the next call resumes after a stop or a kill. With an attestor, only signed runs count; it scores and
 * signs runs of this call and unscored runs of earlier ones. A job without remaining retries waits for a person; a
 * job whose evaluator died runs after all others. The leaderboard is written at the start, after a run, and at the end.
 * @returns the leaderboard, and the number of jobs that still have no result
 * @throws UserError if the Track or the disk changed, or a decision is given for a job that needs none
 */
export async function gradeArchives(
  plan: GradePlan,
  executor: Executor,
  hooks: GradeHooks,
): Promise<{ standing: Standing; open: number }> {
  const { sandbox } = executor;
  const failure = new AbortController();
  const abort = AbortSignal.any([hooks.abort, failure.signal]);
  const grading = await gradingOf(plan, sandbox.kind, hooks.attestor?.verifyKey ?? null);
  const jobs = jobsOfPlan(plan, grading);
  await makeGradedFolders(plan.outFolder);
  await writeGrading(plan.outFolder, grading);
  const states = new Map<Job, JobState>();
  let log = await readLog(plan.outFolder);
  const rulesOf = (job: Job): JobRules => ({
    terms: jobTermsOf(grading, job),
    mostDisturbance: plan.mostDisturbance,
    allowed: allowedOf(states.get(job)!, log, grading),
    current: (attempts) => currentOf(stateOf(job, attempts, grading, log)),
  });
  executor.onJudged?.(judgeAgain);
  const inTurn = createTurns();
  /** Writes the leaderboard, one at a time. It grows with the runs, so it is not written after each of thousands. */
  const board = createSparing(() => writeStanding(publicFolder(plan.outFolder), standing()));

  let looking: Promise<void> | null = null;
  /** A look reads the whole Track, so thousands of jobs that start together on a cluster share one. */
  const requireSameTrack = () => {
    looking ??= requireTrack(plan.track).finally(() => {
      looking = null;
    });
    return looking;
  };

  for (const job of jobs) {
    const rules = { mostDisturbance: plan.mostDisturbance, attestor: hooks.attestor };
    await finishEarlier(job.folder, plan.track, hooks);
    await clearUnfinished(job.folder);
    const attempts = await readAttempts(job.folder, jobTermsOf(grading, job), rules);
    for (const doubt of attempts.doubts) hooks.warn(doubt);
    if (!executor.takesUp) requireNoneOpen(attempts);
    const state = stateOf(job, attempts, grading, log);
    states.set(job, state);
    const { counted } = currentOf(state);
    if (counted === null) continue;
    await ensureReport(counted.record, plan.track.dir, hooks.warn);
    await hooks.ended(job, counted.record, true);
  }
  if (plan.repeat !== undefined) {
    log = { ...log, decisions: await addDecisions(plan.outFolder, grant(plan.repeat)) };
  }
  const elsewhere = openRejudging(log.rejudgings);
  if (elsewhere !== null && jobs.every((job) => states.get(job)!.fresh === null)) {
    hooks.warn(
      `Rejudging ${elsewhere.start.number} is open, but for other archives, seeds or terms (${elsewhere.start.terms}): this call does not run it.`,
    );
  }
  await board.ask();

  const hasDied = (job: Job) => currentOf(states.get(job)!).all.some((each) => each.voidBecause === 'died');
  const inOrder = [...jobs.filter((each) => !hasDied(each)), ...jobs.filter(hasDied)];
  const again = createExtraWork(() => failure.abort());
  await forEachAtOnce(inOrder, executor.jobs, gradeOne, () => failure.abort())
    .finally(again.ended)
    .finally(() => board.flush());
  const open = jobs.filter((job) => currentOf(states.get(job)!).counted === null).length;
  return { standing: standing(), open };

  async function gradeOne(job: Job): Promise<void> {
    const { counted, awaitsScore } = currentOf(states.get(job)!);
    if (counted !== null || awaitsScore || abort.aborted) return;
    if (!isStuck(job)) {
      await requireSameTrack();
      hooks.starts(job);
      const within = { ...hooks, abort };
      const { record, attempts } = await gradeJob(
        runPlanOf(plan, job),
        executor,
        rulesOf(job),
        within,
        inTurn,
      );
      if (record !== null && !agrees(record, jobTermsOf(grading, job))) {
        hooks.warn(
          `${job.archive.path}: changed or removed since grading began. Run the command again to grade the current files.`,
        );
      }
      states.set(job, stateOf(job, attempts, grading, log, record));
      // Its canary was judged while it was scored.
      if (record !== null && isVoidedByCanary(currentOf(states.get(job)!), record)) return gradeOne(job);
      if (record !== null) await hooks.ended(job, record, false);
      await board.ask();
    }
    if (isStuck(job)) hooks.warn(askFor(job));
  }

  /** Takes attempts back that a canary voided, and runs their jobs again. */
  async function judgeAgain(): Promise<void> {
    const isOver = (job: Job) => currentOf(states.get(job)!).counted !== null || isStuck(job);
    const over = [...states.keys()].filter(isOver);
    log = await readLog(plan.outFolder);
    for (const [job, { onDisk }] of states) states.set(job, stateOf(job, onDisk, grading, log));
    for (const job of over) if (!isOver(job)) again.add(() => gradeOne(job));
    await board.ask();
  }

  function isStuck(job: Job): boolean {
    return waitsForAPerson(states.get(job)!, log, grading);
  }

  function grant({ archive, seed, because }: NonNullable<GradePlan['repeat']>): Decision[] {
    const sha256 = plan.archives.find((each) => each.file === archive)?.sha256;
    const waiting = jobs.filter(
      (job) => job.archive.sha256 === sha256 && (seed === null || job.seed === seed) && isStuck(job),
    );
    if (waiting.length === 0) {
      throw new UserError(
        `--repeat ${archive}${seed === null ? '' : `:${seed}`}: no such job needs a decision. Give file and seed of a job that the leaderboard lists as needing one.`,
      );
    }
    return waiting.map((job) => ({
      schemaVersion: 1,
      at: new Date().toISOString(),
      archive,
      job: basename(job.folder),
      terms: termsText(grading),
      seed: job.seed,
      spent: currentOf(states.get(job)!).spent,
      because,
    }));
  }

  function askFor(job: Job): string {
    const why = repeatsOf(job.seed, currentOf(states.get(job)!)).map((each) => each.reason);
    return `${job.archive.file}, seed ${job.seed}: needs a decision, because no attempt counts (${why.join('; ')}). To allow one more attempt: --repeat ${job.archive.file}:${job.seed} --because TEXT`;
  }

  function standing(): Standing {
    return standingFrom(grading, [...states.values()], log, plan.outFolder);
  }
}

/** Refuses to run here what a cluster is still running. */
function requireNoneOpen({ all }: Attempts): void {
  const open = all.find(({ voidBecause }) => voidBecause === 'running');
  if (open === undefined) return;
  throw new UserError({
    path: open.folder,
    reason: 'is an attempt that was given to Slurm and has not ended',
    remedy: 'Grade with --executor slurm, or end it first with --executor slurm --cancel.',
  });
}

/** Returns what is graded and by which rules, as grading.json keeps it. */
async function gradingOf(
  plan: GradePlan,
  sandbox: Grading['sandbox'],
  verifyKey: string | null,
): Promise<Grading> {
  const refused = await refusedArchives(plan);
  const { seeds, trainSeconds, predictSeconds, processes, retries, mostDisturbance } = plan;
  return {
    schemaVersion: 1,
    verifyKey,
    track: plan.track.info,
    trackSha256: await hashFile(join(plan.track.dir, trackFiles.info)),
    archives: plan.archives.map(({ file, sha256 }) => ({
      file,
      sha256,
      refused: refused.get(sha256) ?? null,
    })),
    leftOut: [...(plan.leftOut ?? [])],
    baselines: [...(plan.baselines ?? [])],
    seeds: [...seeds],
    sandbox,
    trainSeconds,
    predictSeconds,
    processes,
    cpus: plan.cpus ?? null,
    memoryBytes: plan.memoryBytes ?? null,
    intake: plan.intake ?? archiveLimitsSchema.parse({}),
    retries,
    mostDisturbance,
  };
}

/** Lists the jobs with the archive that each is run from: the first of those with the same bytes. */
function jobsOfPlan({ archives, outFolder }: GradePlan, grading: Grading): Job[] {
  const firsts = new Map<string, Submission>();
  for (const archive of archives) {
    if (!firsts.has(archive.sha256)) firsts.set(archive.sha256, archive);
  }
  return jobsOf(grading, outFolder).map((job, at, { length }) => ({
    ...job,
    archive: firsts.get(job.sha256)!,
    number: at + 1,
    of: length,
  }));
}

function runPlanOf(plan: GradePlan, { archive, seed, folder }: Job): RunPlan {
  const { track, trainSeconds, predictSeconds, processes, machine } = plan;
  return {
    entryPath: archive.path,
    track,
    runsFolder: folder,
    seed,
    limits: { trainSeconds, predictSeconds, processes },
    cpus: plan.cpus ?? machine.cores,
    memoryBytes: plan.memoryBytes ?? entryMemoryBytes(machine),
    machine,
    keepModel: plan.keepModels ?? false,
    ...(plan.intake !== undefined && { intake: plan.intake }),
  };
}

/** Stops if an entry changed the Track, so that the next entry does not fail because of it. */
async function requireTrack({ withheld }: RunTrack): Promise<void> {
  const change = await withheld.change();
  if (change !== null) throw new UserError(`${change}. Restore the Track and run the command again.`);
}
