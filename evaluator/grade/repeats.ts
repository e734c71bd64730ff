import { inPercent } from '../report/format.ts';
import type { Attempt, Attempts } from './attempts.ts';
import type { Decision } from './decisions.ts';
import type { Repeat, Row, RowDecision } from './leaderboard.ts';
import { voidReasons } from './voidReasons.ts';

/** Lists the attempts of a job that do not count. Contains nothing chosen by an entry and no score. */
export function repeatsOf(seed: number, attempts: Attempts | undefined): Repeat[] {
  return (attempts?.all ?? []).flatMap((attempt) => {
    const reason = reasonOf(attempt);
    return reason === null
      ? []
      : [{ seed, attempt: attempt.number, verdict: attempt.record?.verdict ?? null, reason }];
  });
}

function reasonOf({ voidBecause, record }: Attempt): string | null {
  if (voidBecause === null) return null;
  const sentence = voidReasons[voidBecause];
  if (voidBecause !== 'disturbed') return sentence;
  const shares = record?.stages.map(({ contention }) => contention?.share ?? 0) ?? [];
  return `${sentence} (${inPercent(Math.max(0, ...shares), 0)} % of the CPUs)`;
}

export function decisionsOf(decisions: readonly Decision[]): RowDecision[] {
  return decisions.map(({ seed, at, because }) => ({ seed, at, because }));
}

/** Formats repeats and decisions of a row, one sentence each. */
export function remarksOf({ repeats, toDecide, decisions, refused }: Row): string[] {
  return [
    ...(refused === null ? [] : [refused]),
    ...repeats.map(
      ({ seed, attempt, reason }) => `seed ${seed}, attempt ${attempt} does not count: ${reason}`,
    ),
    ...decisions.map(({ seed, because }) => `seed ${seed}: one more attempt allowed, because: ${because}`),
    ...toDecide.map((seed) => `seed ${seed}: needs a decision`),
  ];
}
