// The leaderboard is a function of the files in the folder of a grading: grading.json, the records, the decisions.
// `haet grade` computes it after every run, `haet export` and `haet verify` compute it again and compare.
import { basename } from 'node:path';
import type { Attestor } from '../attest/attestor.ts';
import type { RunRecord } from '../run/record.ts';
import { type Attempts, readAttempts } from './attempts.ts';
import type { Decision } from './decisions.ts';
import { type GradedJob, type Grading, jobsOf, jobTermsOf, termsText } from './grading.ts';
import type { Graded } from './leaderboard.ts';
import { decisionsOf, repeatsOf } from './repeats.ts';
import { type Standing, standingOf } from './standing.ts';

/** State of a job. */
export interface JobState {
  readonly job: GradedJob;
  readonly attempts: Attempts;
  /** Record shown on the leaderboard: of the attempt that counts, or of the last fault or stop; null if there is none. */
  readonly record: RunRecord | null;
}

/** Reads the attempts of every job. */
export async function readStates(
  outFolder: string,
  grading: Grading,
  attestor?: Pick<Attestor, 'fault'>,
): Promise<JobState[]> {
  const states: JobState[] = [];
  for (const job of jobsOf(grading, outFolder)) {
    const { mostDisturbance } = grading;
    const attempts = await readAttempts(job.folder, jobTermsOf(grading, job), { mostDisturbance, attestor });
    states.push(stateOf(job, attempts));
  }
  return states;
}

/**
 * Returns the state of a job.
 * @param unwritten record of a run that a full disk could not keep
 */
export function stateOf(job: GradedJob, attempts: Attempts, unwritten: RunRecord | null = null): JobState {
  return { job, attempts, record: attempts.counted?.record ?? faultIn(attempts, unwritten) };
}

/** Returns the record that the leaderboard shows for a job without a result: of a fault or a stop, without a score. */
function faultIn({ all }: Attempts, unwritten: RunRecord | null): RunRecord | null {
  const last = all.at(-1);
  if (last !== undefined) {
    return last.voidBecause === 'fault' || last.voidBecause === 'stopped' ? last.record : null;
  }
  return unwritten?.verdict === 'INFRA_FAULT' ? unwritten : null;
}

/** Returns the decisions for a job under the terms of the grading. */
export function decisionsFor(
  { folder }: GradedJob,
  decisions: readonly Decision[],
  grading: Grading,
): Decision[] {
  const terms = termsText(grading);
  return decisions.filter((each) => each.job === basename(folder) && each.terms === terms);
}

/** Returns how many void attempts a job may have before a person decides. */
export function allowedOf(job: GradedJob, decisions: readonly Decision[], grading: Grading): number {
  const granted = decisionsFor(job, decisions, grading).map(({ spent }) => spent + 1);
  return Math.max(1 + grading.retries, ...granted);
}

/** Whether a job has no result and no attempt left. */
export function waitsForAPerson(
  { job, attempts: { counted, spent } }: JobState,
  decisions: readonly Decision[],
  grading: Grading,
): boolean {
  return counted === null && spent >= allowedOf(job, decisions, grading);
}

/**
 * Computes the leaderboard.
 * @param states of all jobs; one that is not in it has not been looked at yet
 */
export function standingFrom(
  grading: Grading,
  states: readonly JobState[],
  decisions: readonly Decision[],
  outFolder: string,
): Standing {
  const { track: info, trackSha256, archives, baselines } = grading;
  const byJob = new Map(states.map((state) => [state.job.folder, state]));
  const jobs = jobsOf(grading, outFolder);
  const entries = archives.map(({ file, sha256, refused }): Graded => {
    const own = jobs.filter((job) => job.sha256 === sha256);
    const known = own.flatMap((job) => byJob.get(job.folder) ?? []);
    return {
      archive: file,
      sha256,
      records: own.map((job) => byJob.get(job.folder)?.record ?? null),
      repeats: known.flatMap(({ job, attempts }) => repeatsOf(job.seed, attempts)),
      toDecide: known
        .filter((state) => waitsForAPerson(state, decisions, grading))
        .map(({ job }) => job.seed),
      decisions: own.flatMap((job) => decisionsOf(decisionsFor(job, decisions, grading))),
      refused,
      baseline: baselines.includes(file),
    };
  });
  return standingOf({ ...grading, track: { info, sha256: trackSha256 } }, entries, outFolder);
}
