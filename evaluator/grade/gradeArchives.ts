import { join } from 'node:path';
import { trackFiles } from '../../datasets/track.ts';
import { UserError } from '../../datasets/userError.ts';
import { type ArchiveLimits, archiveLimitsSchema } from '../archive/limits.ts';
import { hashFile } from '../hashFile.ts';
import type { RunRecord } from '../record.ts';
import type { RunPlan } from '../runEntry.ts';
import type { RunTrack } from '../runTrack.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';
import { agrees, findRecord, isFinal, type Terms } from './findRecord.ts';
import { makeGradedFolders, publicFolder, runsFolder } from './gradedFolders.ts';
import { ensureReport, finishEarlier, gradeJob, type JobHooks } from './gradeJob.ts';
import type { Submission } from './listArchives.ts';
import { type Standing, standingOf } from './standing.ts';
import { writeStanding } from './writeStanding.ts';

export interface GradePlan {
  readonly archives: readonly Submission[];
  readonly track: RunTrack;
  /** The leaderboard is written into its `public/`, the runs' folders into its `runs/`. Locked by the caller. */
  readonly outFolder: string;
  readonly seeds: readonly number[];
  readonly trainSeconds: number;
  readonly predictSeconds: number;
  /** Processes and threads that an entry may have at once. */
  readonly processes: number;
  /** All of this machine where not given; records made with others then count too. */
  readonly cpus?: number;
  readonly memoryBytes?: number;
  /** How often a run that ended in INFRA_FAULT is repeated. */
  readonly retries: number;
  readonly machine: RunRecord['machine'];
  /** What an archive may be; where not given, the usual. */
  readonly intake?: ArchiveLimits;
  /** Whether models stay in the runs' folders when they have been used and hashed. Default false. */
  readonly keepModels?: boolean;
}

/** One archive with one seed, under however many names its bytes lie there. */
export interface Job {
  readonly archive: Submission;
  readonly seed: number;
  /** 1 for the first. */
  readonly number: number;
  readonly of: number;
  /** Holds a folder for each of its runs. */
  readonly folder: string;
}

export interface GradeHooks extends JobHooks {
  readonly starts: (job: Job) => void;
  /** @param earlier whether the record was there already */
  readonly ended: (job: Job, record: RunRecord, earlier: boolean) => void;
}

/**
 * Grades archives one after the other, each with every seed. What has a final record on the same terms is not run
 * again, so that a call that was stopped or killed anywhere is taken up by the next one. With an attestor only what it
 * signed counts; it scores and signs what ends in this call, and what an earlier one left to be scored. The leaderboard
 * is written at the start and after every run.
 * @returns the leaderboard, and the number of jobs that still have no final record
 * @throws UserError when the Track or the disk is not as it was: nothing more can be graded then
 */
export async function gradeArchives(
  plan: GradePlan,
  sandbox: Sandbox,
  hooks: GradeHooks,
): Promise<{ standing: Standing; open: number }> {
  const trackSha256 = await hashFile(join(plan.track.dir, trackFiles.info));
  const jobs = jobsOf(plan, trackSha256);
  await makeGradedFolders(plan.outFolder);
  const records = new Map<Job, RunRecord>();
  const write = () => writeStanding(publicFolder(plan.outFolder), standing());

  for (const job of jobs) {
    await finishEarlier(job.folder, hooks);
    const { record, doubts } = await findRecord(job.folder, termsOf(plan, job, sandbox), hooks.attestor);
    for (const doubt of doubts) hooks.warn(doubt);
    if (record === null) continue;
    records.set(job, record);
    await ensureReport(record, plan.track.dir, hooks.warn);
    hooks.ended(job, record, true);
  }
  await write();

  for (const job of jobs) {
    if (records.has(job) || hooks.abort.aborted) continue;
    await requireTrack(plan.track);
    hooks.starts(job);
    const { record, attested } = await gradeJob(runPlanOf(plan, job), sandbox, plan.retries, hooks);
    if (!agrees(record, termsOf(plan, job, sandbox))) {
      hooks.warn(
        `${job.archive.path}: changed or gone since grading began. Call again to grade what is there now.`,
      );
    } else if (attested || !isFinal(record.verdict)) {
      records.set(job, record);
    }
    hooks.ended(job, record, false);
    await write();
  }
  const open = jobs.filter((job) => !isFinal(records.get(job)?.verdict ?? 'ABORTED')).length;
  return { standing: standing(), open };

  function standing(): Standing {
    const entries = plan.archives.map(({ file, path, sha256 }) => ({
      archive: file,
      path,
      sha256,
      records: jobs.filter((job) => job.archive.sha256 === sha256).map((job) => records.get(job) ?? null),
    }));
    const track = { info: plan.track.info, sha256: trackSha256 };
    return standingOf({ ...plan, track, sandbox: sandbox.kind }, entries, plan.outFolder);
  }
}

function jobsOf({ archives, seeds, outFolder }: GradePlan, trackSha256: string): Job[] {
  const firsts = archives.filter(
    ({ sha256 }, at) => archives.findIndex((other) => other.sha256 === sha256) === at,
  );
  return firsts.flatMap((archive, place) =>
    seeds.map((seed, at) => ({
      archive,
      seed,
      number: place * seeds.length + at + 1,
      of: firsts.length * seeds.length,
      // Short, as the whole of both hashes is compared with the record's.
      folder: join(
        runsFolder(outFolder),
        `${archive.sha256.slice(0, 16)}-t${trackSha256.slice(0, 8)}-s${seed}`,
      ),
    })),
  );
}

function termsOf(plan: GradePlan, { archive, seed }: Job, sandbox: Sandbox): Terms {
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

function runPlanOf(plan: GradePlan, { archive, seed, folder }: Job): RunPlan {
  const { track, trainSeconds, predictSeconds, processes, machine } = plan;
  return {
    entryPath: archive.path,
    track,
    runsFolder: folder,
    seed,
    limits: { trainSeconds, predictSeconds, processes },
    cpus: plan.cpus ?? machine.cores,
    memoryBytes: plan.memoryBytes ?? machine.memoryBytes,
    machine,
    keepModel: plan.keepModels ?? false,
    ...(plan.intake !== undefined && { intake: plan.intake }),
  };
}

/** What one entry did to the Track must not be laid at the door of the next. */
async function requireTrack({ withheld }: RunTrack): Promise<void> {
  const change = await withheld.change();
  if (change !== null) throw new UserError(`${change}. Put the Track back as it was and call again.`);
}
