import type { RunRecord, StageRecord } from '../run/record.ts';
import { verdicts } from '../run/verdict.ts';

/** The first thing that does not go with the verdict, as a sentence; null when all does. */
export function verdictFault({ verdict, owner, score, stages }: RunRecord): string | null {
  const expected = verdicts[verdict].owner;
  if (owner !== expected) {
    return `${verdict} is for the ${expected} to act on, and the record says the ${owner}`;
  }
  const scored = verdict === 'SCORED' || verdict === 'SCORED_SALVAGED';
  if (!scored) return score === null ? null : `the verdict is ${verdict}, and yet there is a score`;
  if (score === null) return `the verdict is ${verdict}, and there is no score`;

  const [train, predict, again] = stages;
  if (train === undefined || predict === undefined || again === undefined) {
    return `the verdict is ${verdict} without three stages`;
  }
  if (!succeeded(predict)) return `the verdict is ${verdict}, and prediction did not end with status 0`;
  if (!succeeded(again))
    return `the verdict is ${verdict}, and its second prediction did not end with status 0`;
  if (verdict === 'SCORED' && !succeeded(train)) {
    return 'the verdict is SCORED, and training did not end with status 0: that would be SCORED_SALVAGED';
  }
  if (verdict === 'SCORED_SALVAGED' && succeeded(train)) {
    return 'the verdict is SCORED_SALVAGED, and training ended with status 0: that would be SCORED';
  }
  return null;
}

const succeeded = (stage: StageRecord) => stage.ended === 'exited' && stage.exitCode === 0;
