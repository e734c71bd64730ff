import { type OfficialRecord, usedTermsOf } from '../evaluator/attest/officialRecord.ts';
import { inPercent, interval95 } from '../evaluator/report/format.ts';
import { shortName } from './terminal.ts';

/** Formats the position of a record in its chain. */
export function placeOf({ chain, record }: OfficialRecord): string {
  return `number ${chain.number}, attempt ${record.attempt}`;
}

/** Formats the result of a run in one line. */
export function resultOf({ record: { verdict, score, entry, seed, stages } }: OfficialRecord): string {
  const right =
    score === null
      ? ''
      : `, ${score.correct} of ${score.total} correct (${inPercent(score.accuracy)} %, ${interval95(score.wilson95)})`;
  const name = entry === null ? '' : `, ${shortName(entry.name)} by ${shortName(entry.team)}`;
  const stopped = stages.some(({ ended }) => ended === 'interrupted') ? ', stopped by a person' : '';
  return `${verdict}${right}${name}, seed ${seed}${stopped}`;
}

/** Summarises a valid record as JSON. */
export function summaryOf(official: OfficialRecord) {
  const { runId, startedAt, verdict, score, entry, seed, attempt } = official.record;
  return {
    runId,
    startedAt,
    issuedAt: official.issuedAt,
    number: official.chain.number,
    attempt,
    verdict,
    score: score && {
      correct: score.correct,
      total: score.total,
      accuracy: score.accuracy,
      wilson95: score.wilson95,
    },
    entry: entry && { name: entry.name, team: entry.team },
    seed,
    terms: usedTermsOf(official),
  };
}
