import { inPercent, interval95 } from '../evaluator/report/format.ts';
import { lastWords } from '../evaluator/report/lastWords.ts';
import type { RunRecord, RunStage, StageRecord } from '../evaluator/run/record.ts';
import { awaitsScore } from '../evaluator/run/unscored.ts';
import type { Spread } from '../evaluator/score/statistics.ts';

/** Short labels, so that the columns align. */
const stageLabels: Record<RunStage, string> = {
  train: 'train',
  predict: 'predict',
  'predict-again': 'again',
};
const count = (value: number): string => value.toLocaleString('en-GB');

/** Summarises a run for the terminal. */
export function summarise(
  record: RunRecord,
  reportPath: string | null,
  said: readonly string[] = [],
  advice: string = record.advice,
): string[] {
  const { score } = record;
  const headline =
    score === null
      ? `${record.verdict}${awaitsScore(record) ? ', not scored yet: run `haet score` where the identity is' : ''}`
      : `${record.verdict}  ${inPercent(score.accuracy)} % of ${count(score.total)} images, ${interval95(score.wilson95)}`;
  const because = record.verdict === 'SCORED' ? [] : record.evidence.map((each) => `  ${each}`);
  const whatToDo = record.verdict === 'SCORED' ? [] : [`  ${advice}`];
  const rows = record.stages.map((stage) => `  ${stageLabels[stage.stage].padEnd(8)} ${stageLine(stage)}`);
  const place = reportPath === null ? `  record   ${record.folder}` : `  report   ${reportPath}`;
  return [headline, ...because, ...said.map((line) => `  ${line}`), ...whatToDo, ...rows, place];
}

/**
 * Returns what the entry's output says of what went wrong, split to fit a terminal; empty if there is nothing. The first
 * line starts with the stage.
 */
export async function lastWordsOf(record: RunRecord): Promise<string[]> {
  const found = await lastWords(record);
  if (found === null) return [];
  const line = found.line.replace(/[\p{Cc}\p{Z}]+/gu, ' ').trim();
  // Split here and not by the terminal, so that every line starts with our own text.
  const pieces =
    [...line]
      .slice(0, 300)
      .join('')
      .match(/.{1,66}/gu) ?? [];
  const label = `${stageLabels[found.stage]} said: `;
  return pieces.map((piece, at) => `${at === 0 ? label : ' '.repeat(label.length)}${piece}`);
}

function stageLine(stage: StageRecord): string {
  const overshoot =
    stage.ended === 'deadline' && stage.kill !== null
      ? `, stopped ${stage.kill.overshootMs.toFixed(0)} ms after the deadline`
      : '';
  const memory = `${count(Math.ceil(stage.peakMemoryBytes / 2 ** 20))} MiB`;
  return `${stage.seconds.toFixed(1)} of ${stage.limitSeconds} s (${stage.ended}${overshoot}), at most ${memory}`;
}

/** Summarises accuracy over seeds and names the report. */
export function summariseSpread(spread: Spread, reportPath: string | null): string[] {
  const deviation =
    spread.standardDeviation === null ? '' : `, standard deviation ${inPercent(spread.standardDeviation)}`;
  const interval =
    spread.mean95 === null
      ? ''
      : `, 95 % interval of the mean ${spread.mean95.map((end) => inPercent(end)).join(' to ')} (Student’s t)`;
  return [
    `${spread.n} seeds scored  mean ${inPercent(spread.mean)} %${deviation}${interval}`,
    ...(reportPath === null ? [] : [`  report   ${reportPath}`]),
  ];
}
