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
import { addDecisions, type Decision, readDecisions } from './decisions.ts';
import type { Executor } from './executor.ts';
import { forEachAtOnce } from './forEachAtOnce.ts';
import { makeGradedFolders, publicFolder, runsFolder } from './gradedFolders.ts';
import { ensureReport, finishEarlier, gradeJob, type JobHooks, type JobRules } from './gradeJob.ts';
import { createTurns } from './inTurn.ts';
import type { Graded } from './leaderboard.ts';
import type { LeftOut, Submission } from './listArchives.ts';
import { refusedArchives } from './refusedArchives.ts';
import { decisionsOf, repeatsOf } from './repeats.ts';
import { type Standing, standingOf } from './standing.ts';
import { agrees, type JobTerms } from './terms.ts';
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
  /** A person's decision to allow one more attempt of a job without remaining retries. */
  readonly repeat?: { readonly archive: string; readonly seed: number | null; readonly because: string };
  readonly machine: RunRecord['machine'];
  /** Limits of intake; default limits if not given. */
  readonly intake?: ArchiveLimits;
  /** Whether models stay in the runs' folders after they were used and hashed. Default false. */
  readonly keepModels?: boolean;
}

/** One archive with one seed; several file names may have these bytes. */
export interface Job {
  readonly archive: Submission;
  readonly seed: number;
  /** 1 for the first. */
  readonly number: number;
  readonly of: number;
  /** Contains one folder per run. */
  readonly folder: string;
}

export interface GradeHooks extends JobHooks {
  readonly starts: (job: Job) => void;
  /** @param earlier whether the record existed before this call */
  readonly ended: (job: Job, record: RunRecord, earlier: boolean) => unknown;
}

/** State of a job. */
interface State {
  readonly attempts: Attempts;
  /** Record shown on the leaderboard: of the attempt that counts, or of the last fault; null if there is none yet. */
  readonly record: RunRecord | null;
}

/**
 * Grades archives in order, each with every seed, as many at once as the executor runs. Jobs that have a result on the same terms are not run
 * again, so the next call resumes after a stop or a kill. With an attestor, only signed runs count; it scores and
 * signs runs of this call and unscored runs of earlier ones. A job without remaining retries waits for a person; a
 * job whose evaluator died runs after all others. The leaderboard is written at the start and after every run.
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
  const trackSha256 = await hashFile(join(plan.track.dir, trackFiles.info));
  const refused = await refusedArchives(plan);
  const jobs = jobsOf(plan, refused, trackSha256);
  await makeGradedFolders(plan.outFolder);
  const states = new Map<Job, State>();
  let decisions = await readDecisions(plan.outFolder);
  const rulesOf = (job: Job): JobRules => ({
    terms: jobTermsOf(plan, job, sandbox),
    mostDisturbance: plan.mostDisturbance,
    allowed: allowedOf(job),
  });
  const inTurn = createTurns();
  const writes = createTurns();
  /** Writes the leaderboard; one write at a time, so that an older one never replaces a newer one. */
  const write = () => writes(() => writeStanding(publicFolder(plan.outFolder), standing()));

  for (const job of jobs) {
    const { terms, mostDisturbance } = rulesOf(job);
    const rules = { mostDisturbance, attestor: hooks.attestor };
    await finishEarlier(job.folder, plan.track, hooks);
    await clearUnfinished(job.folder);
    const attempts = await readAttempts(job.folder, terms, rules);
    for (const doubt of attempts.doubts) hooks.warn(doubt);
    if (!executor.takesUp) requireNoneOpen(attempts);
    const { counted } = attempts;
    states.set(job, { attempts, record: counted?.record ?? lastFault(job, attempts) });
    if (counted === null) continue;
    await ensureReport(counted.record, plan.track.dir, hooks.warn);
    await hooks.ended(job, counted.record, true);
  }
  if (plan.repeat !== undefined) {
    const granted = grant(plan.repeat);
    decisions = await addDecisions(plan.outFolder, granted);
  }
  await write();

  const hasDied = (job: Job) => states.get(job)!.attempts.all.some((each) => each.voidBecause === 'died');
  const inOrder = [...jobs.filter((each) => !hasDied(each)), ...jobs.filter(hasDied)];
  await forEachAtOnce(inOrder, executor.jobs, gradeOne, () => failure.abort());
  const open = jobs.filter((job) => states.get(job)!.attempts.counted === null).length;
  return { standing: standing(), open };

  async function gradeOne(job: Job): Promise<void> {
    const { counted, awaitsScore } = states.get(job)!.attempts;
    if (counted !== null || awaitsScore || abort.aborted) return;
    if (!waitsForAPerson(job)) {
      await requireTrack(plan.track);
      hooks.starts(job);
      const within = { ...hooks, abort };
      const { record, attempts } = await gradeJob(
        runPlanOf(plan, job),
        executor,
        rulesOf(job),
        within,
        inTurn,
      );
      if (record !== null && !agrees(record, jobTermsOf(plan, job, sandbox))) {
        hooks.warn(
          `${job.archive.path}: changed or removed since grading began. Run the command again to grade the current files.`,
        );
      }
      states.set(job, { attempts, record: attempts.counted?.record ?? faultIn(attempts, record) });
      if (record !== null) await hooks.ended(job, record, false);
      await write();
    }
    if (waitsForAPerson(job)) hooks.warn(askFor(job));
  }

  function allowedOf(job: Job): number {
    return Math.max(1 + plan.retries, ...decisionsFor(job).map(({ spent }) => spent + 1));
  }

  function decisionsFor(job: Job): Decision[] {
    const terms = termsText(plan, sandbox);
    return decisions.filter((each) => each.job === basename(job.folder) && each.terms === terms);
  }

  function waitsForAPerson(job: Job): boolean {
    const { counted, spent } = states.get(job)!.attempts;
    return counted === null && spent >= allowedOf(job);
  }

  function lastFault(job: Job, attempts: Attempts): RunRecord | null {
    return attempts.spent >= allowedOf(job) ? faultIn(attempts, null) : null;
  }

  function grant({ archive, seed, because }: NonNullable<GradePlan['repeat']>): Decision[] {
    const sha256 = plan.archives.find((each) => each.file === archive)?.sha256;
    const waiting = jobs.filter(
      (job) => job.archive.sha256 === sha256 && (seed === null || job.seed === seed) && waitsForAPerson(job),
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
      terms: termsText(plan, sandbox),
      seed: job.seed,
      spent: states.get(job)!.attempts.spent,
      because,
    }));
  }

  function askFor(job: Job): string {
    const why = repeatsOf(job.seed, states.get(job)!.attempts).map((each) => each.reason);
    return `${job.archive.file}, seed ${job.seed}: needs a decision, because no attempt counts (${why.join('; ')}). To allow one more attempt: --repeat ${job.archive.file}:${job.seed} --because TEXT`;
  }

  function standing(): Standing {
    const entries = plan.archives.map(({ file, sha256 }): Graded => {
      const own = jobs.filter((job) => job.archive.sha256 === sha256);
      return {
        archive: file,
        sha256,
        records: own.map((job) => states.get(job)?.record ?? null),
        repeats: own.flatMap((job) => repeatsOf(job.seed, states.get(job)?.attempts)),
        toDecide: own.filter((job) => states.has(job) && waitsForAPerson(job)).map((job) => job.seed),
        decisions: own.flatMap((job) => decisionsOf(decisionsFor(job))),
        refused: refused.get(sha256) ?? null,
      };
    });
    const track = { info: plan.track.info, sha256: trackSha256 };
    const conditions = { ...plan, track, sandbox: sandbox.kind, leftOut: plan.leftOut ?? [] };
    return standingOf(conditions, entries, plan.outFolder);
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

/** Returns the record that the leaderboard shows for a job without a result: of a fault or a stop, without a score. */
function faultIn({ all }: Attempts, unwritten: RunRecord | null): RunRecord | null {
  const last = all.at(-1);
  if (last !== undefined) {
    return last.voidBecause === 'fault' || last.voidBecause === 'stopped' ? last.record : null;
  }
  return unwritten?.verdict === 'INFRA_FAULT' ? unwritten : null;
}

function jobsOf(
  { archives, seeds, outFolder }: GradePlan,
  refused: ReadonlyMap<string, string>,
  trackSha256: string,
): Job[] {
  const firsts = archives.filter(
    ({ sha256 }, at) => !refused.has(sha256) && archives.findIndex((other) => other.sha256 === sha256) === at,
  );
  return firsts.flatMap((archive, place) =>
    seeds.map((seed, at) => ({
      archive,
      seed,
      number: place * seeds.length + at + 1,
      of: firsts.length * seeds.length,
      // Short, because the full hashes are compared with the record's.
      folder: join(
        runsFolder(outFolder),
        `${archive.sha256.slice(0, 16)}-t${trackSha256.slice(0, 8)}-s${seed}`,
      ),
    })),
  );
}

function jobTermsOf(plan: GradePlan, { archive, seed }: Job, sandbox: Executor['sandbox']): JobTerms {
  const { trainSeconds, predictSeconds, processes, cpus, memoryBytes } = plan;
  return {
    archiveSha256: archive.sha256,
    track: plan.track.info,
    seed,
    sandbox: sandbox.kind,
    intake: plan.intake ?? archiveLimitsSchema.parse({}),
    limits: {
      trainSeconds,
      predictSeconds,
      processes,
      ...(cpus !== undefined && { cpus }),
      ...(memoryBytes !== undefined && { memoryBytes }),
    },
  };
}

/** Formats the terms that a decision applies to. */
function termsText(
  { trainSeconds, predictSeconds, processes, cpus, memoryBytes }: GradePlan,
  { kind }: Executor['sandbox'],
): string {
  return `${kind}, ${trainSeconds} s, ${predictSeconds} s, ${cpus ?? 'all'} CPUs, ${memoryBytes ?? 'all'} bytes, ${processes} processes`;
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
