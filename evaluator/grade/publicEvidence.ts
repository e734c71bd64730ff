import { describeEnd } from '../run/decideVerdict.ts';
import type { RunRecord } from '../run/record.ts';
import { verdicts } from '../run/verdict.ts';

/**
 * What the leaderboard says of a run that was not simply SCORED, one sentence each. The leaderboard is public while the
 * withheld images are secret, and a predict stage has seen them: of a run that came to it only the verdict and the fixed
 * sentence that belongs to it are said, nothing that the stage could choose (exit status, signal, seconds, what stood in
 * its file). The record keeps the whole evidence.
 */
export function publicEvidence(record: RunRecord): string[] {
  const { verdict, stages, modelSha256 } = record;
  const train = stages.find(({ stage }) => stage === 'train');
  switch (verdict) {
    case 'SCORED':
      return [];
    case 'REJECTED_ARCHIVE': // nothing was started
      return record.evidence;
    case 'INFRA_FAULT':
    case 'RULE_VIOLATION':
    case 'ABORTED':
      return [verdicts[verdict].meaning];
  }
  const trainEnd =
    train === undefined || (train.ended === 'exited' && train.exitCode === 0)
      ? []
      : [`train: ${describeEnd(train)}`];
  if (verdict === 'SCORED_SALVAGED') return trainEnd;
  if (stages.some(({ stage }) => stage === 'predict')) return [...trainEnd, verdicts[verdict].meaning];
  const nothing = modelSha256 === null ? ['train: left nothing in its output folder'] : [];
  return [...trainEnd, ...nothing, ...(trainEnd.length === 0 ? [verdicts[verdict].meaning] : [])];
}
