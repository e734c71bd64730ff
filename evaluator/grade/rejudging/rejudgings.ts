// A rejudging makes new attempts of jobs that have a result, beside the old ones. Until all of it is applied the
// leaderboard shows the old results; applied, the old attempts no longer count; cancelled, the new ones never do.
//
// The log is the truth: one line when a rejudging starts, with the runs that each job had by then, and one when it is
// applied or cancelled, with the runs that were made for it. Each line is added in one atomic write, so a kill leaves
// the state before or after it, and which attempts count follows from the log and the folders of the runs.
import { basename, join } from 'node:path';
import { z } from 'zod';
import { UserError } from '../../../datasets/userError.ts';
import { type Attempt, type Attempts, attemptsOf } from '../attempts.ts';
import { readJsonLines, writeJsonLines } from '../jsonLines.ts';
import type { VoidReason } from '../voidReasons.ts';
import { longestReason } from './longestReason.ts';

/** One JSON line per step, beside the leaderboard's folder. */
export const rejudgingsFile = 'rejudgings.jsonl';

const jobRuns = z.strictObject({
  job: z.string().describe("name of the job's folder: bytes, Track and seed"),
  runs: z.array(z.string()).describe("names of runs' folders in it"),
});
const common = {
  schemaVersion: z.literal(1),
  number: z.int().positive().describe('1 for the first rejudging of a grading'),
  at: z.iso.datetime(),
};
const startSchema = z.strictObject({
  ...common,
  action: z.literal('start'),
  reason: z.string().min(1).max(longestReason),
  terms: z.string().describe('sandbox and limits of the jobs; runs on other terms are not affected'),
  selected: z
    .strictObject({
      files: z.array(z.string()),
      seeds: z.array(z.int().nonnegative()),
      verdicts: z.array(z.string()),
    })
    .describe('what the jobs were selected by; empty: any'),
  jobs: z.array(jobRuns).min(1).describe('the jobs, each with the runs that it had'),
});
const endSchema = z.strictObject({
  ...common,
  action: z.enum(['apply', 'cancel']),
  jobs: z.array(jobRuns).describe('the same jobs, each with the runs that were made for the rejudging'),
});
const stepSchema = z.discriminatedUnion('action', [startSchema, endSchema]);
type Step = z.infer<typeof stepSchema>;
export type RejudgingStart = z.infer<typeof startSchema>;
export type RejudgingEnd = z.infer<typeof endSchema>;

/** A rejudging with its end; null while it is open. */
export interface Rejudging {
  readonly start: RejudgingStart;
  readonly end: RejudgingEnd | null;
}

/**
 * Reads all rejudgings of a grading, in order. Only the last can be open.
 * @throws UserError if the log cannot be read or is damaged
 */
export async function readRejudgings(outFolder: string): Promise<Rejudging[]> {
  const path = join(outFolder, rejudgingsFile);
  return rejudgingsOf(await readJsonLines(path, stepSchema, 'a step of a rejudging'), path);
}

function rejudgingsOf(steps: readonly Step[], path: string): Rejudging[] {
  const found: Rejudging[] = [];
  steps.forEach((step, at) => {
    const last = found.at(-1);
    const isOpen = last !== undefined && last.end === null;
    const follows =
      step.action === 'start'
        ? !isOpen && step.number === found.length + 1
        : isOpen && step.number === last.start.number;
    if (!follows) {
      throw new UserError(
        `${path}, line ${at + 1}: does not follow from the lines before. Restore the file.`,
      );
    }
    if (step.action === 'start') found.push({ start: step, end: null });
    else found[found.length - 1] = { start: last!.start, end: step };
  });
  return found;
}

/**
 * Adds a step to the log, atomically.
 * @throws UserError if it does not follow from the steps before
 */
export async function addStep(outFolder: string, step: Step): Promise<Rejudging[]> {
  const path = join(outFolder, rejudgingsFile);
  const steps = [...(await readJsonLines(path, stepSchema, 'a step of a rejudging')), step];
  const rejudgings = rejudgingsOf(steps, path);
  await writeJsonLines(path, steps);
  return rejudgings;
}

/** Returns the open rejudging; null if there is none. */
export function openRejudging(rejudgings: readonly Rejudging[]): Rejudging | null {
  const last = rejudgings.at(-1);
  return last !== undefined && last.end === null ? last : null;
}

/** Attempts of a job, divided by an open rejudging. */
export interface Divided {
  /** Those that the leaderboard is of. */
  readonly standing: Attempts;
  /** Those made for the open rejudging; null if the job is not in one. */
  readonly fresh: Attempts | null;
}

/**
 * Divides the attempts of a job.
 * @param job name of its folder
 * @param terms that the attempts were made under; rejudgings of other terms are ignored
 */
export function divide(
  attempts: Attempts,
  rejudgings: readonly Rejudging[],
  { job, terms }: { readonly job: string; readonly terms: string },
): Divided {
  const replaced = new Set<string>();
  const withdrawn = new Set<string>();
  let before: ReadonlySet<string> | null = null;
  const runsIn = (jobs: RejudgingStart['jobs']) => jobs.find((each) => each.job === job)?.runs;
  for (const { start, end } of rejudgings) {
    const had = runsIn(start.jobs);
    if (had === undefined || start.terms !== terms) continue;
    if (end === null) before = new Set(had);
    else if (end.action === 'apply') for (const run of had) replaced.add(run);
    else for (const run of runsIn(end.jobs) ?? []) withdrawn.add(run);
  }
  const isFresh = (attempt: Attempt) => before !== null && !before.has(basename(attempt.folder));
  const judged = attempts.all.map((attempt): Attempt => {
    const run = basename(attempt.folder);
    const because: VoidReason | null = replaced.has(run)
      ? 'replaced'
      : withdrawn.has(run)
        ? 'withdrawn'
        : null;
    return because === null ? attempt : { ...attempt, voidBecause: because };
  });
  return {
    standing: attemptsOf(
      judged.filter((attempt) => !isFresh(attempt)),
      attempts.doubts,
    ),
    fresh: before === null ? null : attemptsOf(judged.filter(isFresh), []),
  };
}
