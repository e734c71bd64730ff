import { describeEnd } from '../run/decideVerdict.ts';
import type { RunRecord } from '../run/record.ts';
import { verdicts } from '../run/verdict.ts';

/**
 * Returns the evidence shown on the leaderboard, one sentence each. The leaderboard is public while the withheld
 * images are secret, and a predict stage has seen them. For a run that reached predict, it therefore shows only the
 * verdict and its fixed sentence, and nothing that the stage could choose (exit status, signal, seconds, content of
 * its file). The record keeps all evidence.
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
  const nothing =
    modelSha256 === null && verdict !== 'DISK_FULL' ? ['train: left no file in its output folder'] : [];
  return [...trainEnd, ...nothing, ...(trainEnd.length === 0 ? [verdicts[verdict].meaning] : [])];
}
