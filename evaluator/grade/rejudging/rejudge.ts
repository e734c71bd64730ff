import { basename } from 'node:path';
import { UserError } from '../../../datasets/userError.ts';
import { signatureFault } from '../../attest/attestor.ts';
import { parseVerifyKey } from '../../attest/signingKey.ts';
import type { RunRecord } from '../../run/record.ts';
import type { VerdictCode } from '../../run/verdict.ts';
import type { Attempt } from '../attempts.ts';
import { publicFolder } from '../gradedFolders.ts';
import { type Grading, readGrading, termsText } from '../grading.ts';
import {
  type JobState,
  type Log,
  readLog,
  readStates,
  standingFrom,
  stateOf,
  waitsForAPerson,
} from '../judging.ts';
import { writeStanding } from '../writeStanding.ts';
import { matchesAny } from './filePattern.ts';
import {
  addStep,
  openRejudging,
  type Rejudging,
  type RejudgingEnd,
  type RejudgingStart,
} from './rejudgings.ts';

/** Runs that an error lists. */
const mostDetails = 20;

/** Which results are judged again. An empty list selects all. */
export interface Selection {
  /** Names of archives; `*` stands for any characters, `?` for one. */
  readonly files: readonly string[];
  readonly seeds: readonly number[];
  readonly verdicts: readonly VerdictCode[];
}

/** A result before and after a rejudging. */
export interface Change {
  readonly archives: readonly string[];
  readonly seed: number;
  readonly before: Outcome;
  /** Null until it has a new result. */
  readonly after: Outcome | null;
  /** Whether no attempt counts and none is left: a person must allow one more, or cancel. */
  readonly needsDecision: boolean;
}

export interface Outcome {
  /** Null for an attempt without a record. */
  readonly verdict: VerdictCode | null;
  readonly accuracy: number | null;
}

/** What a rejudging changes. */
export interface Comparison {
  readonly number: number;
  readonly state: 'open' | 'applied' | 'cancelled';
  readonly reason: string;
  readonly since: string;
  readonly changes: readonly Change[];
  /** Ranks before and, if every run has a new result, after; null: no rank. */
  readonly ranks: readonly {
    readonly archive: string;
    readonly before: number | null;
    readonly after: number | null;
  }[];
  /** Number of runs without a new result. */
  readonly missing: number;
}

/** The state of a grading on disk. */
interface Judged {
  readonly grading: Grading;
  readonly log: Log;
  readonly states: readonly JobState[];
}

/**
 * Starts a rejudging: the next `haet grade` with the same terms runs the selected jobs again.
 * @param outFolder folder of the grading; locked by the caller
 * @returns number of runs to be made again
 * @throws UserError if one is open, or nothing is selected
 */
export async function startRejudging(
  outFolder: string,
  selection: Selection,
  reason: string,
): Promise<{ number: number; runs: number }> {
  const judged = await judge(outFolder);
  const { grading, log, states } = judged;
  const open = openRejudging(log.rejudgings);
  if (open !== null) {
    throw new UserError(
      `${outFolder}: rejudging ${open.start.number} is open since ${open.start.at}. Apply or cancel it first.`,
    );
  }
  const fault = selectionFault(judged, selection);
  if (fault !== null) throw fault;
  const selected = states.filter((state) => isSelected(state, selection, grading));
  const number = log.rejudgings.length + 1;
  await addStep(outFolder, {
    schemaVersion: 1,
    action: 'start',
    number,
    at: new Date().toISOString(),
    reason,
    terms: termsText(grading),
    selected: {
      files: [...selection.files],
      seeds: [...selection.seeds],
      verdicts: [...selection.verdicts],
    },
    jobs: selected.map(({ job, attempts }) => ({
      job: basename(job.folder),
      runs: attempts.all.map(({ folder }) => basename(folder)),
    })),
  });
  await writeLeaderboard(outFolder);
  return { number, runs: selected.length };
}

/**
 * Compares the results before and after the last rejudging.
 * @throws UserError if there is none
 */
export async function compareRejudging(outFolder: string): Promise<Comparison> {
  const judged = await judge(outFolder);
  const last = judged.log.rejudgings.at(-1);
  if (last === undefined) throw noneOpen(outFolder, judged.log.rejudgings);
  await writeLeaderboard(outFolder); // a kill may have come between the log and the leaderboard
  return comparisonOf(last, judged, outFolder);
}

/**
 * Ends the open rejudging. Applied, its results replace the earlier ones at once; cancelled, they never count.
 * @returns what it changed
 * @throws UserError if none is open, or it is to be applied and a run has no new result
 */
export async function endRejudging(outFolder: string, action: 'apply' | 'cancel'): Promise<Comparison> {
  const judged = await judge(outFolder);
  const { log, states } = judged;
  const open = openRejudging(log.rejudgings);
  if (open === null) {
    await writeLeaderboard(outFolder);
    throw noneOpen(outFolder, log.rejudgings);
  }
  const comparison = comparisonOf(open, judged, outFolder);
  if (action === 'apply') requireComplete(comparison, outFolder);
  else requireNoneRunning(states, open.start.number, outFolder);
  await addStep(outFolder, endOf(open.start, states, action));
  await writeLeaderboard(outFolder);
  return { ...comparison, state: action === 'apply' ? 'applied' : 'cancelled' };
}

async function judge(outFolder: string): Promise<Judged> {
  const grading = await readGrading(outFolder);
  const log = await readLog(outFolder);
  const key = grading.verifyKey === null ? null : parseVerifyKey(grading.verifyKey);
  const attestor = key === null ? undefined : { fault: (folder: string) => signatureFault(folder, key) };
  return { grading, log, states: await readStates(outFolder, grading, log, attestor) };
}

async function writeLeaderboard(outFolder: string): Promise<void> {
  const { grading, log, states } = await judge(outFolder);
  await writeStanding(publicFolder(outFolder), standingFrom(grading, states, log, outFolder));
}

/** Only a job with something on the leaderboard can be judged again; others are run anyway. */
function isSelected({ job, record }: JobState, selection: Selection, grading: Grading): boolean {
  const { files, seeds, verdicts } = selection;
  return (
    record !== null &&
    (files.length === 0 || filesOf(job.sha256, grading).some((file) => matchesAny(file, files))) &&
    (seeds.length === 0 || seeds.includes(job.seed)) &&
    (verdicts.length === 0 || verdicts.includes(record.verdict))
  );
}

const filesOf = (sha256: string, { archives }: Grading): string[] =>
  archives.filter((archive) => archive.sha256 === sha256).map(({ file }) => file);

/** Returns which of the conditions selects nothing, each by itself and then all together; null if all do. */
function selectionFault({ grading, states }: Judged, selection: Selection): UserError | null {
  const { files, seeds, verdicts } = selection;
  const any = { files: [], seeds: [], verdicts: [] };
  const selects = (part: Partial<Selection>) =>
    states.some((state) => isSelected(state, { ...any, ...part }, grading));
  const unmatched = files.find((file) => !selects({ files: [file] }));
  if (unmatched !== undefined) {
    return new UserError({
      reason: `${unmatched}: no archive with a result has this name`,
      remedy: 'Give names as on the leaderboard, with their endings; quote patterns with * and ?.',
    });
  }
  const seed = seeds.find((each) => !selects({ seeds: [each] }));
  if (seed !== undefined) {
    return new UserError({
      option: `--seed ${seed}`,
      reason: 'no result has this seed',
      remedy: `Give one of ${grading.seeds.join(', ')}.`,
    });
  }
  const verdict = verdicts.find((each) => !selects({ verdicts: [each] }));
  if (verdict === undefined && selects(selection)) return null;
  const what = verdict === undefined ? 'no result meets all conditions' : 'no result has this verdict';
  return new UserError({
    option: verdict === undefined ? undefined : `--verdict ${verdict}`,
    reason: what,
    remedy: 'Look at the leaderboard, and give other conditions.',
  });
}

function noneOpen(outFolder: string, rejudgings: readonly Rejudging[]): UserError {
  const last = rejudgings.at(-1);
  const state =
    last === undefined || last.end === null
      ? 'there was none yet'
      : `number ${last.start.number} was ${last.end.action === 'apply' ? 'applied' : 'cancelled'} at ${last.end.at}`;
  return new UserError({
    path: outFolder,
    reason: `no rejudging is open (${state})`,
    remedy: 'Start one with `haet rejudge start`.',
  });
}

function comparisonOf({ start, end }: Rejudging, judged: Judged, outFolder: string): Comparison {
  const { grading, log, states } = judged;
  const under = (action: 'apply' | 'cancel'): Log => {
    const ended = { start, end: end === null ? endOf(start, states, action) : { ...end, action } };
    return { ...log, rejudgings: [...log.rejudgings.slice(0, start.number - 1), ended] };
  };
  const [cancelled, applied] = [under('cancel'), under('apply')];
  const statesUnder = (other: Log) => states.map(({ job, onDisk }) => stateOf(job, onDisk, grading, other));
  const [was, becomes] = [statesUnder(cancelled), statesUnder(applied)];
  const jobs = new Set(start.jobs.map(({ job }) => job));
  const changes = was.flatMap((state, at): Change[] => {
    if (!jobs.has(basename(state.job.folder))) return [];
    const after = becomes[at]!;
    return [
      {
        archives: filesOf(state.job.sha256, grading),
        seed: state.job.seed,
        before: outcomeOf(state.record),
        after: after.attempts.counted === null ? null : outcomeOf(after.record),
        needsDecision: end === null && waitsForAPerson(states[at]!, log, grading),
      },
    ];
  });
  const gone = start.jobs.length - changes.length;
  const missing = changes.filter(({ after }) => after === null).length + gone;
  const ranksOf = (judgedStates: readonly JobState[], other: Log) =>
    new Map(
      standingFrom(grading, judgedStates, other, outFolder).rows.map(({ archive, rank }) => [archive, rank]),
    );
  const [before, after] = [ranksOf(was, cancelled), ranksOf(becomes, applied)];
  return {
    number: start.number,
    state: end === null ? 'open' : end.action === 'apply' ? 'applied' : 'cancelled',
    reason: start.reason,
    since: start.at,
    changes,
    ranks:
      missing > 0
        ? []
        : grading.archives.flatMap(({ file }) => {
            const ranks = { before: before.get(file) ?? null, after: after.get(file) ?? null };
            return ranks.before === ranks.after ? [] : [{ archive: file, ...ranks }];
          }),
    missing,
  };
}

const outcomeOf = (record: RunRecord | null): Outcome => ({
  verdict: record?.verdict ?? null,
  accuracy: record?.score?.accuracy ?? null,
});

/** Returns the step that ends a rejudging now. */
function endOf(start: RejudgingStart, states: readonly JobState[], action: 'apply' | 'cancel'): RejudgingEnd {
  const byJob = new Map(states.map(({ job, fresh }) => [basename(job.folder), fresh]));
  return {
    schemaVersion: 1,
    action,
    number: start.number,
    at: new Date().toISOString(),
    jobs: start.jobs.map(({ job }) => ({
      job,
      runs: (byJob.get(job)?.all ?? []).map(({ folder }) => basename(folder)),
    })),
  };
}

/** A run whose attempt never counts would go on in the cluster, and nobody would wait for it. */
function requireNoneRunning(states: readonly JobState[], number: number, outFolder: string): void {
  const running = states.flatMap(({ fresh }) => fresh?.all ?? []).filter(isRunning);
  if (running.length === 0) return;
  throw new UserError({
    path: outFolder,
    reason: `rejudging ${number} cannot be cancelled, because ${running.length} of its runs ${running.length === 1 ? 'is' : 'are'} still in Slurm`,
    remedy: 'End them first: the same `haet grade` with --executor slurm --cancel.',
    details: running.slice(0, mostDetails).map(({ folder }) => folder),
  });
}

const isRunning = ({ voidBecause }: Attempt): boolean => voidBecause === 'running';

/** Nothing is applied unless all of it is. */
function requireComplete({ changes, missing, number }: Comparison, outFolder: string): void {
  if (missing === 0) return;
  const without = changes.filter(({ after }) => after === null);
  const gone = missing - without.length;
  throw new UserError({
    path: outFolder,
    reason: `rejudging ${number} cannot be applied, because ${missing} of its runs ${missing === 1 ? 'has' : 'have'} no new result`,
    remedy:
      'Run the same `haet grade` again, which makes them; allow one more attempt with its --repeat; or cancel the rejudging.',
    details: [
      ...without
        .slice(0, mostDetails)
        .map(
          ({ archives, seed, needsDecision }) =>
            `${archives.join(', ')}, seed ${seed}: ${needsDecision ? 'needs a decision' : 'not run yet'}`,
        ),
      ...(gone === 0 ? [] : [`${gone} of archives, seeds or terms that the last haet grade did not have`]),
    ],
  });
}
