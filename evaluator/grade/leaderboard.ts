import { basename, dirname } from 'node:path';
import type { RunRecord } from '../run/record.ts';
import type { VerdictCode } from '../run/verdict.ts';
import { spreadOf } from '../score/statistics.ts';
import { hardwareOf, otherHardwareBeside } from './hardware.ts';
import { publicEvidence } from './publicEvidence.ts';

/** An archive with its runs. */
export interface Graded {
  /** Name of the archive's file. */
  readonly archive: string;
  readonly sha256: string;
  /** One per seed, in order; null if it has not been run. */
  readonly records: readonly (RunRecord | null)[];
  readonly repeats?: Row['repeats'];
  readonly toDecide?: Row['toDecide'];
  readonly decisions?: Row['decisions'];
  readonly refused?: Row['refused'];
  /** Whether the organizer named it as a baseline. Default false. */
  readonly baseline?: boolean;
}

/** An attempt that does not count. */
export interface Repeat {
  readonly seed: number;
  readonly attempt: number;
  /** Null if the evaluator died during it. */
  readonly verdict: VerdictCode | null;
  /** One of the fixed sentences of voidReasons.ts. */
  readonly reason: string;
}

/** A person's decision to allow one more attempt. */
export interface RowDecision {
  readonly seed: number;
  readonly at: string;
  readonly because: string;
}

export interface Row {
  /** 1 is the best; ties share a rank; null for a baseline, and if not every seed was scored. */
  readonly rank: number | null;
  /** The entry's own name; null if it was rejected or has not been run. */
  readonly name: string | null;
  readonly team: string | null;
  readonly archive: string;
  readonly sha256: string;
  /** Whether the organizer runs it for comparison: it has no rank, and ranks and intervals of others ignore it. */
  readonly baseline: boolean;
  /** Verdict of the entry: of the first seed that was not scored, if any; null if not run yet. */
  readonly verdict: VerdictCode | null;
  /** Mean over the seeds that were scored. */
  readonly accuracy: number | null;
  /** Sample standard deviation over seeds; null for fewer than two. */
  readonly standardDeviation: number | null;
  readonly runsScored: number;
  /** One seed: Wilson's interval, over images. Several: Student's t of the mean, over seeds, clipped to [0, 1]. */
  readonly interval95: readonly [number, number] | null;
  /** Whether the interval is separate from those of the rank above; null at the top and without a rank. */
  readonly separatedFromAbove: boolean | null;
  /** Archives next in rank that ran on other hardware, which may have decided the order; see hardware.ts. */
  readonly otherHardware: readonly string[];
  /** Sum over all runs. */
  readonly trainSeconds: number;
  /** Evidence of the run that the verdict is taken from, see publicEvidence; empty if it is SCORED. */
  readonly evidence: readonly string[];
  readonly advice: string | null;
  readonly note: string | null;
  /** Every attempt that does not count, with the reason. */
  readonly repeats: readonly Repeat[];
  /** Seeds that need a decision. */
  readonly toDecide: readonly number[];
  readonly decisions: readonly RowDecision[];
  /** Why it is not run; null if it is. */
  readonly refused: string | null;
  readonly runs: readonly RowRun[];
}

export interface RowRun {
  readonly seed: number;
  readonly verdict: VerdictCode;
  readonly accuracy: number | null;
  readonly trainSeconds: number;
  /** See hardwareOf. */
  readonly machine: string;
  /**
   * Name of the job's folder (archive, Track, seed). The run's id is not published, because its time reveals how long
   * the previous predict stage took.
   */
  readonly job: string;
}

/**
 * Ranks entries whose seeds were all scored by mean accuracy, so that a failed run is no advantage; the others
 * follow. Archives with the same bytes share one place. A scored baseline stands where its accuracy puts it, without a
 * rank.
 */
export function rank(entries: readonly Graded[]): Row[] {
  const files = grouped(entries, ({ sha256 }) => sha256);
  const rows = entries.map((entry) => ({
    row: unrankedRow(entry, files.get(entry.sha256)!),
    right: rightAnswers(entry),
  }));
  const ranked = rows
    .filter((each) => each.right !== null)
    .sort((a, b) => b.right! - a.right! || inOrder(a.row, b.row));
  const others = rows.filter((each) => each.right === null).map((each) => each.row);
  // In order of accuracy, so the rank follows from the archives before it.
  const before = new Set<string>();
  let [better, last] = [0, Number.NaN];
  const placed = ranked.map(({ row, right }) => {
    if (right !== last) [better, last] = [before.size, right!];
    if (!row.baseline) before.add(row.sha256);
    return { ...row, rank: row.baseline ? null : 1 + better };
  });
  const byRank = grouped(
    placed.filter(({ rank }) => rank !== null),
    ({ rank }) => rank!,
  );
  const ranks = [...byRank.keys()];
  const position = new Map(ranks.map((each, at) => [each, at]));
  /** Rows of the same rank, of the rank above, and of the rank below. */
  const near = ({ rank }: Row) => {
    if (rank === null) return [];
    const at = position.get(rank)!;
    return ranks.slice(Math.max(0, at - 1), at + 2).flatMap((each) => byRank.get(each)!);
  };
  return [
    ...placed.map((row) => {
      const beside = near(row);
      return {
        ...row,
        separatedFromAbove: isSeparated(row, beside),
        otherHardware: otherHardwareBeside(row, beside),
      };
    }),
    ...others.sort(inOrder),
  ];
}

/** Returns the values by their key, both in order. */
function grouped<T, K>(values: readonly T[], keyOf: (value: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const value of values) {
    const key = keyOf(value);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [value]);
    else group.push(value);
  }
  return groups;
}

/** Sums the correct answers over all seeds, as integers for exact ties; null unless every seed was scored. */
function rightAnswers({ records }: Graded): number | null {
  if (records.length === 0) return null;
  const scores = records.map((record) => record?.score ?? null);
  return scores.reduce<number | null>(
    (sum, score) => (sum === null || score === null ? null : sum + score.correct),
    0,
  );
}

/** @param same the archives with these bytes */
function unrankedRow(graded: Graded, same: readonly Graded[]): Row {
  const { archive, sha256, records } = graded;
  const made = records.filter((record) => record !== null);
  const scores = made.flatMap((record) => record.score ?? []);
  const spread = scores.length === 0 ? null : spreadOf(scores.map((score) => score.accuracy));
  const telling = tellingRecord(records);
  const entry = made.find((record) => record.entry !== null)?.entry ?? null;
  const twins = same.filter((each) => each.archive !== archive);
  return {
    rank: null,
    name: entry?.name ?? null,
    team: entry?.team ?? null,
    archive,
    sha256,
    baseline: graded.baseline ?? false,
    verdict: telling?.verdict ?? null,
    accuracy: spread?.mean ?? null,
    standardDeviation: spread?.standardDeviation ?? null,
    runsScored: scores.length,
    interval95: spread?.mean95 ? withinOne(spread.mean95) : (scores[0]?.wilson95 ?? null),
    separatedFromAbove: null,
    otherHardware: [],
    trainSeconds: made.reduce((sum, record) => sum + trainSecondsOf(record), 0),
    evidence: telling === null ? [] : publicEvidence(telling),
    advice: telling === null || telling.verdict === 'SCORED' ? null : telling.advice,
    note:
      twins.length === 0 ? null : `same bytes as ${twins.map((each) => each.archive).join(', ')}; run once`,
    repeats: graded.repeats ?? [],
    toDecide: graded.toDecide ?? [],
    decisions: graded.decisions ?? [],
    refused: graded.refused ?? null,
    runs: made.map((record) => ({
      seed: record.seed,
      verdict: record.verdict,
      accuracy: record.score?.accuracy ?? null,
      trainSeconds: trainSecondsOf(record),
      machine: hardwareOf(record),
      job: basename(dirname(record.folder)),
    })),
  };
}

/** Returns the representative record: the first without a score, else the first SCORED_SALVAGED, else the first. */
function tellingRecord(records: Graded['records']): RunRecord | null {
  const failed = records.find((record) => record !== null && record.score === null);
  if (failed) return failed;
  if (records.includes(null)) return null;
  return records.find((record) => record?.verdict === 'SCORED_SALVAGED') ?? records[0] ?? null;
}

function isSeparated(row: Row, ranked: readonly Row[]): boolean | null {
  if (row.rank === null) return null;
  const above = ranked.findLast((other) => other.rank! < row.rank!)?.rank;
  if (above === undefined) return null;
  return ranked
    .filter((other) => other.rank === above)
    .every((other) => !overlap(row.interval95!, other.interval95!));
}

function overlap(a: readonly [number, number], b: readonly [number, number]): boolean {
  return a[0] <= b[1] && b[0] <= a[1];
}

function trainSecondsOf({ stages }: RunRecord): number {
  return stages.find(({ stage }) => stage === 'train')?.seconds ?? 0;
}

function withinOne([low, high]: readonly [number, number]): [number, number] {
  return [Math.max(0, low), Math.min(1, high)];
}

function inOrder(a: Row, b: Row): number {
  return (
    byCodeUnit(a.name ?? a.archive, b.name ?? b.archive) ||
    byCodeUnit(a.sha256, b.sha256) ||
    byCodeUnit(a.archive, b.archive)
  );
}

const byCodeUnit = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
