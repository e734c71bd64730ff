import type { Predictions } from '../score/readPredictions.ts';
import type { StageResult } from '../stage/runStage.ts';
import type { RunFacts, StageFacts } from './decideVerdict.ts';
import { survivorsOf } from './entryStage.ts';
import type { Predicted, PredictedAgain } from './predict.ts';
import type { RunPlan } from './runPlan.ts';
import type { Scoring, TrackCheck } from './scorePredictions.ts';
import type { Intake } from './takeIn.ts';
import type { Trained } from './train.ts';

/** Results of the steps of a run; null for a step that was not taken. */
export interface RunSteps {
  readonly intake: Intake;
  readonly trained: Trained | null;
  readonly predicted: Predicted | null;
  readonly again: PredictedAgain | null;
  readonly track: TrackCheck;
  readonly scoring: Scoring;
}

/** Returns the facts that decide the verdict. */
export function factsOf(
  steps: RunSteps,
  { plan, abort }: { readonly plan: Pick<RunPlan, 'predictOnce'>; readonly abort: AbortSignal },
): RunFacts {
  const { intake, trained, predicted, again, track, scoring } = steps;
  const survivors =
    stagesOf(steps)
      .map(({ record }) => survivorsOf(record))
      .find((each) => each !== null) ?? null;
  const inOrder = [intake, trained, predicted, again, track, scoring];
  return {
    // Also after an abort, because Ctrl-C does not explain a surviving process.
    fault: inOrder.find((step) => step !== null && step.fault !== null)?.fault ?? survivors,
    rejected: intake.rejected,
    aborted: abort.aborted && scoring.score === null && !scoring.isAwaited,
    tampered: predicted?.tampered ?? track.tampered,
    train: trained?.stage ? stageFacts(trained.stage, trained.model?.isTooLong ?? false) : null,
    modelSaved: trained?.model?.sha256 != null,
    // Output beyond the limit is not kept.
    left: trained?.stage?.beyondQuota === false ? (trained.model?.kept ?? null) : null,
    predict: predicted?.stage ? stageFacts(predicted.stage) : null,
    predictions: predictionFacts(predicted?.predictions ?? { state: 'unread', isThere: null }),
    again: again?.second
      ? {
          stage: stageFacts(again.second.stage),
          predictions: predictionFacts(again.second.predictions),
          disagreement: again.second.disagreement,
        }
      : plan.predictOnce
        ? 'skipped'
        : null,
  };
}

/** Returns the stages that were run, in order. */
export function stagesOf({
  trained,
  predicted,
  again,
}: Pick<RunSteps, 'trained' | 'predicted' | 'again'>): StageResult[] {
  return [trained?.stage, predicted?.stage, again?.second?.stage].filter((stage) => stage != null);
}

function stageFacts({ record, outputFull }: StageResult, isTooLong = false): StageFacts {
  const { ended, exitCode, signal, limitSeconds, seconds, limitHits } = record;
  const excess = outputFull ? 'full' : isTooLong ? 'too long' : null;
  return { ended, exitCode, signal, limitSeconds, seconds, limitHits, excess };
}

function predictionFacts(predictions: Predictions): RunFacts['predictions'] {
  if (predictions.state === 'invalid') return { invalid: predictions.reason };
  if (predictions.state === 'unread') return { unread: predictions.isThere };
  return predictions.state === 'none' && predictions.found != null
    ? { noneBut: predictions.found }
    : predictions.state;
}
