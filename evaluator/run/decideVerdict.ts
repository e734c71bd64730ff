import { constants } from 'node:os';
import { isOutOfMemory } from '../stage/outOfMemory.ts';
import type { StageRecord } from './record.ts';
import type { VerdictCode } from './verdict.ts';

export interface StageFacts
  extends Pick<StageRecord, 'ended' | 'exitCode' | 'signal' | 'limitSeconds' | 'seconds' | 'limitHits'> {
  /** Whether it exceeded the limit of its folders, or left files that are longer than the limit. */
  readonly excess: 'full' | 'too long' | null;
}

/** Facts that decide a verdict. */
export interface RunFacts {
  /** A failure of the evaluator or its machine. */
  readonly fault: string | null;
  /** Why the entry was not accepted. */
  readonly rejected: string | null;
  /** The run was stopped by the person who started it. */
  readonly aborted: boolean;
  /** Forbidden change made by the entry. */
  readonly tampered: string | null;
  readonly train: StageFacts | null;
  /** Whether the train stage left files that predict can be given. */
  readonly modelSaved: boolean;
  /** Files found in the output folder of the train stage, and the sum of their lengths; null if it was not read. */
  readonly left: { readonly files: number; readonly bytes: number } | null;
  readonly predict: StageFacts | null;
  /** The output of predict, after reading. */
  readonly predictions: PredictionFacts;
  /** The second predict run, on other test images; null if the first left nothing valid; skipped if the plan says so. */
  readonly again:
    | {
        readonly stage: StageFacts;
        readonly predictions: PredictionFacts;
        /** How its rows differ from those of the first run; null if they do not. */
        readonly disagreement: string | null;
      }
    | 'skipped'
    | null;
}

type PredictionFacts =
  | 'none'
  | 'valid'
  | { readonly invalid: string }
  /** No predictions.npy; what was found instead, as the end of a sentence. */
  | { readonly noneBut: string }
  /** Not read, because the stage failed: whether it is there, null if nobody looked. */
  | { readonly unread: boolean | null };

export interface Decision {
  readonly verdict: VerdictCode;
  readonly evidence: string[];
}

/**
 * Decides the verdict of a run. The order of the checks implements "the first cause wins": evaluator, entry,
 * training, prediction. Of the stages, the first that failed decides; a limit that a stage reached and survived is only
 * noted in the evidence.
 */
export function decideVerdict(facts: RunFacts): Decision {
  const evidence = evidenceOf(facts);
  return { verdict: codeOf(facts), evidence };
}

function codeOf(facts: RunFacts): VerdictCode {
  const { train, predict, predictions, again } = facts;
  if (facts.tampered !== null) return 'RULE_VIOLATION';
  if (facts.fault !== null) return 'INFRA_FAULT';
  if (facts.rejected !== null) return 'REJECTED_ARCHIVE';
  if (facts.aborted || train === null) return 'ABORTED';
  if (!facts.modelSaved || predict === null) return limitCause(train) ?? failure(train) ?? 'NO_OUTPUT';
  if (hasSucceeded(predict) && predictions === 'valid') {
    if (again === null) return 'ABORTED';
    if (again !== 'skipped') {
      const { stage } = again;
      if (!hasSucceeded(stage) || again.predictions !== 'valid') {
        return predictCause(stage, again.predictions);
      }
      if (again.disagreement !== null) return 'RULE_VIOLATION';
    }
    return hasSucceeded(train) ? 'SCORED' : 'SCORED_SALVAGED';
  }
  // A training that failed also explains a model that predict cannot use. One that reached its deadline has not failed.
  if (!hasSucceeded(train)) {
    const cause = limitCause(train) ?? failure(train);
    if (cause !== null) return cause;
  }
  return predictCause(predict, predictions);
}

function hasSucceeded({ ended, exitCode }: StageFacts): boolean {
  return ended === 'exited' && exitCode === 0;
}

function predictCause(predict: StageFacts, predictions: RunFacts['predictions']): VerdictCode {
  if (predict.ended === 'deadline') return 'PREDICT_TIMEOUT';
  // A file that is not cut off is wrong for another reason than a limit.
  const isWhole = hasSucceeded(predict) && predict.excess === null;
  const isInvalid = typeof predictions === 'object' && 'invalid' in predictions;
  if (isWhole && isInvalid) return 'INVALID_OUTPUT';
  return limitCause(predict) ?? failure(predict) ?? (isInvalid ? 'INVALID_OUTPUT' : 'NO_OUTPUT');
}

/** Returns the verdict caused by a limit or a person; null if there is none. */
function limitCause(stage: StageFacts): VerdictCode | null {
  if (stage.ended === 'interrupted') return 'ABORTED';
  if (stage.ended === 'out-of-memory' || isOutOfMemory(stage.limitHits)) return 'OUT_OF_MEMORY';
  const refused = stage.limitHits?.processesRefused ?? 0;
  if (stage.ended === 'too-many-processes' || refused > 0) return 'TOO_MANY_PROCESSES';
  return stage.excess === null ? null : 'DISK_FULL';
}

function failure(stage: StageFacts): VerdictCode | null {
  if (stage.ended === 'failed-to-start') return 'CRASHED';
  return stage.ended !== 'deadline' && stage.exitCode !== 0 ? 'CRASHED' : null;
}

function evidenceOf(facts: RunFacts): string[] {
  const evidence: string[] = [];
  if (facts.fault !== null) evidence.push(facts.fault);
  if (facts.tampered !== null) evidence.push(facts.tampered);
  if (facts.rejected !== null) evidence.push(facts.rejected);
  if (facts.aborted) evidence.push('the run was stopped by the person who started it');
  if (facts.train !== null) {
    evidence.push(`train: ${describeEnd(facts.train)}`);
    evidence.push(...excessEvidence('train', facts.train));
    evidence.push(...leftEvidence(facts.left));
  }
  if (facts.predict !== null) evidence.push(...predictEvidence('predict', facts.predict, facts.predictions));
  if (facts.again === 'skipped') {
    if (facts.predictions === 'valid') {
      evidence.push('predict ran once, so its rows were not compared with those of a second run');
    }
  } else if (facts.again !== null) {
    const { stage, predictions, disagreement } = facts.again;
    evidence.push(...predictEvidence('predict, second run', stage, predictions));
    if (disagreement !== null) evidence.push(disagreement);
  }
  return evidence;
}

function leftEvidence(left: RunFacts['left']): string[] {
  if (left === null) return [];
  const { files, bytes } = left;
  const what = files === 0 ? 'no file' : `${files === 1 ? '1 file' : `${files} files`} of ${bytes} bytes`;
  return [`train: left ${what} in its output folder`];
}

function predictEvidence(name: string, stage: StageFacts, predictions: PredictionFacts): string[] {
  const evidence = [`${name}: ${describeEnd(stage)}`];
  evidence.push(...excessEvidence(name, stage));
  if (predictions === 'none') evidence.push(`${name}: wrote no predictions.npy`);
  else if (predictions === 'valid') return evidence;
  else if ('invalid' in predictions) evidence.push(predictions.invalid);
  else if ('noneBut' in predictions) {
    evidence.push(`${name}: wrote no predictions.npy; ${predictions.noneBut}`);
  } else if (predictions.unread !== null) {
    evidence.push(
      predictions.unread
        ? `${name}: wrote predictions.npy, which was not read because the stage failed`
        : `${name}: wrote no predictions.npy`,
    );
  }
  return evidence;
}

function excessEvidence(name: string, { excess }: StageFacts): string[] {
  if (excess === null) return [];
  return excess === 'full'
    ? [`${name}: its output or scratch folder was full`]
    : [`${name}: the files in its output folder are longer than the limit`];
}

/** Describes how a stage ended, as the predicate of a sentence. */
export function describeEnd(
  stage: Pick<StageFacts, 'ended' | 'exitCode' | 'signal' | 'limitSeconds' | 'seconds'>,
): string {
  const seconds = `${stage.seconds.toFixed(1)} s`;
  switch (stage.ended) {
    case 'deadline':
      return `was killed at its deadline of ${stage.limitSeconds} s`;
    case 'interrupted':
      return `was stopped after ${seconds} by the person who started it`;
    case 'failed-to-start':
      return 'could not be started';
    default:
      return `ended after ${seconds} with exit status ${exitStatus(stage)}`;
  }
}

/**
 * Returns the exit status as a shell reports it, 128 + the number of the signal that ended the process. Some sandboxes see
 * the signal and others only this number, and evidence must not depend on the sandbox.
 */
function exitStatus({ exitCode, signal }: Pick<StageFacts, 'exitCode' | 'signal'>): string {
  const numbers: Readonly<Record<string, number>> = { ...constants.signals };
  const status = signal === null ? exitCode : 128 + numbers[signal]!;
  const name = Object.entries(numbers).find(([, number]) => 128 + number === status)?.[0];
  return name === undefined ? `${status}` : `${status} (${name})`;
}
