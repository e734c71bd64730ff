import { inPercent, interval95 } from '../evaluator/report/format.ts';
import { readEnd } from '../evaluator/report/readEnd.ts';
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
  lastWords: readonly string[] = [],
  advice: string = record.advice,
): string[] {
  const { score } = record;
  const headline =
    score === null
      ? `${record.verdict}${awaitsScore(record) ? ', not scored yet: run `haet score` where the identity is' : ''}`
      : `${record.verdict}  ${inPercent(score.accuracy)} % of ${count(score.total)} images, ${interval95(score.wilson95)}`;
  const because = record.verdict === 'SCORED' ? [] : record.evidence.map((each) => `  ${each}`);
  const whatToDo = record.verdict === 'SCORED' ? [] : [`  ${advice}`];
  const words = lastWords.map((line, at) => `  ${at === 0 ? 'stderr: ' : '        '} ${line}`);
  const rows = record.stages.map((stage) => `  ${stageLabels[stage.stage].padEnd(8)} ${stageLine(stage)}`);
  const place = reportPath === null ? `  record   ${record.folder}` : `  report   ${reportPath}`;
  return [headline, ...because, ...words, ...whatToDo, ...rows, place];
}

/**
 * Returns the last line that a crashed entry wrote to standard error, split to fit a terminal; empty if there is
 * none.
 */
export async function lastWordsOf({ verdict, folder, stages }: RunRecord): Promise<string[]> {
  const stage = stages.at(-1);
  if (verdict !== 'CRASHED' || stage === undefined) return [];
  const end = await readEnd(folder, `${stage.stage}.stderr.log`, 4096).catch(() => null);
  const line = end?.tail
    .trimEnd()
    .split('\n')
    .at(-1)
    ?.replace(/[\p{Cc}\p{Z}]+/gu, ' ')
    .trim();
  // Split here and not by the terminal, so that every line starts with our own text.
  return (
    [...(line ?? '')]
      .slice(0, 300)
      .join('')
      .match(/.{1,66}/gu) ?? []
  );
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
