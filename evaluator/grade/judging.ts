// The leaderboard is a function of the files in the folder of a grading: grading.json, the records, the decisions, the
// rejudgings and the canaries. `haet grade` computes it after every run, `haet export` and `haet verify` compute it again and compare.
import { basename } from 'node:path';
import type { Attestor } from '../attest/attestor.ts';
import type { RunRecord } from '../run/record.ts';
import { type Attempts, readAttempts } from './attempts.ts';
import { type Judgement, readJudgements } from './canary/canaryLog.ts';
import { shownCanaries, withoutVoided } from './canary/voidedRuns.ts';
import { type Decision, readDecisions } from './decisions.ts';
import { type GradedJob, type Grading, jobsOf, jobTermsOf, termsText } from './grading.ts';
import type { Graded } from './leaderboard.ts';
import { divide, openRejudging, type Rejudging, readRejudgings } from './rejudging/rejudgings.ts';
import { decisionsOf, repeatsOf } from './repeats.ts';
import { type ShownRejudging, type Standing, standingOf } from './standing.ts';

/** What persons decided, and how canaries were judged. */
export interface Log {
  readonly decisions: readonly Decision[];
  readonly rejudgings: readonly Rejudging[];
  readonly canaries: readonly Judgement[];
}

/** Reads all logs. @throws UserError if one is damaged */
export async function readLog(outFolder: string): Promise<Log> {
  return {
    decisions: await readDecisions(outFolder),
    rejudgings: await readRejudgings(outFolder),
    canaries: await readJudgements(outFolder),
  };
}

/** State of a job. */
export interface JobState {
  readonly job: GradedJob;
  /** All attempts, whatever was decided since. */
  readonly onDisk: Attempts;
  /** Those that the leaderboard is of. */
  readonly attempts: Attempts;
  /** Record shown on the leaderboard: of the attempt that counts, or of the last fault or stop; null if there is none. */
  readonly record: RunRecord | null;
  /** Those made for an open rejudging; null if the job is not in one. */
  readonly fresh: Attempts | null;
}

/** Reads the attempts of every job. */
export async function readStates(
  outFolder: string,
  grading: Grading,
  log: Log,
  attestor?: Pick<Attestor, 'fault'>,
): Promise<JobState[]> {
  const states: JobState[] = [];
  for (const job of jobsOf(grading, outFolder)) {
    const { mostDisturbance } = grading;
    const attempts = await readAttempts(job.folder, jobTermsOf(grading, job), { mostDisturbance, attestor });
    states.push(stateOf(job, attempts, grading, log));
  }
  return states;
}

/**
 * Returns the state of a job.
 * @param attempts all that are on disk
 * @param unwritten record of a run that a full disk could not keep
 */
export function stateOf(
  job: GradedJob,
  attempts: Attempts,
  grading: Grading,
  { rejudgings, canaries }: Log,
  unwritten: RunRecord | null = null,
): JobState {
  const place = { job: basename(job.folder), terms: termsText(grading) };
  const { standing, fresh } = divide(withoutVoided(attempts, canaries), rejudgings, place);
  const record = standing.counted?.record ?? faultIn(standing, fresh === null ? unwritten : null);
  return { job, onDisk: attempts, attempts: standing, record, fresh };
}

/** Returns the attempts that decide whether the job is run: those of an open rejudging, if it is in one. */
export const currentOf = ({ attempts, fresh }: JobState): Attempts => fresh ?? attempts;

/** Returns the record that the leaderboard shows for a job without a result: of a fault or a stop, without a score. */
function faultIn({ all }: Attempts, unwritten: RunRecord | null): RunRecord | null {
  const last = all.at(-1);
  if (last !== undefined) {
    return last.voidBecause === 'fault' || last.voidBecause === 'stopped' ? last.record : null;
  }
  return unwritten?.verdict === 'INFRA_FAULT' ? unwritten : null;
}

/** Returns the decisions for a job under the terms of the grading. */
function decisionsFor({ folder }: GradedJob, { decisions }: Log, grading: Grading): Decision[] {
  const terms = termsText(grading);
  return decisions.filter((each) => each.job === basename(folder) && each.terms === terms);
}

/** Returns how many void attempts a job may have before a person decides. A rejudging starts the count anew. */
export function allowedOf({ job, fresh }: JobState, log: Log, grading: Grading): number {
  const since = fresh === null ? '' : (openRejudging(log.rejudgings)?.start.at ?? '');
  const granted = decisionsFor(job, log, grading).filter(({ at }) => at >= since);
  return Math.max(1 + grading.retries, ...granted.map(({ spent }) => spent + 1));
}

/** Whether a job has no result and no attempt left. */
export function waitsForAPerson(state: JobState, log: Log, grading: Grading): boolean {
  const { counted, spent } = currentOf(state);
  return counted === null && spent >= allowedOf(state, log, grading);
}

/**
 * Computes the leaderboard.
 * @param states of all jobs; one that is not in it has not been looked at yet
 */
export function standingFrom(
  grading: Grading,
  states: readonly JobState[],
  log: Log,
  outFolder: string,
): Standing {
  const { track: info, trackSha256, archives, baselines } = grading;
  const byFolder = new Map(states.map((state) => [state.job.folder, state]));
  const bySha256 = new Map<string, GradedJob[]>();
  for (const job of jobsOf(grading, outFolder)) {
    bySha256.set(job.sha256, [...(bySha256.get(job.sha256) ?? []), job]);
  }
  const entries = archives.map(({ file, sha256, refused }): Graded => {
    const own = bySha256.get(sha256) ?? [];
    const known = own.flatMap((job) => byFolder.get(job.folder) ?? []);
    return {
      archive: file,
      sha256,
      records: own.map((job) => byFolder.get(job.folder)?.record ?? null),
      repeats: known.flatMap(({ job, attempts }) => repeatsOf(job.seed, attempts)),
      // Whatever an open rejudging needs, it changes no row.
      toDecide: known
        .filter((state) => waitsForAPerson({ ...state, fresh: null }, log, grading))
        .map(({ job }) => job.seed),
      decisions: own.flatMap((job) => decisionsOf(decisionsFor(job, log, grading))),
      refused,
      baseline: baselines.includes(file),
    };
  });
  const rejudgings = log.rejudgings.map((each) => shownRejudging(each, states));
  const canaries = shownCanaries(log.canaries, states);
  const conditions = { ...grading, track: { info, sha256: trackSha256 }, rejudgings, canaries };
  return standingOf(conditions, entries, outFolder);
}

function shownRejudging({ start, end }: Rejudging, states: readonly JobState[]): ShownRejudging {
  const { number, at: since, reason, jobs } = start;
  const done = states.filter(({ fresh }) => fresh !== null && fresh.counted !== null).length;
  return {
    number,
    state: end === null ? 'open' : end.action === 'apply' ? 'applied' : 'cancelled',
    since,
    endedAt: end?.at ?? null,
    reason,
    runs: jobs.length,
    done: end === null ? done : jobs.length,
  };
}
