import { score } from '../score/score.ts';
import type { Predicted, PredictedAgain } from './predict.ts';
import type { Score } from './record.ts';
import { faultOf, type SettledRun } from './settleRun.ts';
import type { Trained } from './train.ts';

/** What was found of the withheld half of the Track when all stages were over. */
export interface TrackCheck {
  /** What the entry changed, as a sentence; null where nothing. */
  readonly tampered: string | null;
  readonly fault: string | null;
}

/**
 * Takes the test images away again, and looks whether the Track is as it was, where a stage was run and no fault came
 * before.
 */
export async function closeTrack(
  run: SettledRun,
  trained: Trained | null,
  predicted: Predicted | null,
  again: PredictedAgain | null,
): Promise<TrackCheck> {
  const { sandbox, withheld } = run;
  const failed = [trained, predicted, again].some((step) => step !== null && step.fault !== null);
  if (failed) {
    await withheld.shut().catch(() => {});
    return { tampered: null, fault: null };
  }
  let tampered: string | null = null;
  const fault = await faultOf(run, async () => {
    await withheld.shut();
    if (trained?.stage == null) return;
    const change = await withheld.change();
    // Where entries cannot write to the Track, it was something else that did, or the disk.
    if (sandbox.kind === 'process') tampered = change;
    else if (change !== null) throw new Error(change);
  });
  if (fault !== null) await withheld.shut().catch(() => {});
  return { tampered, fault };
}

/** What the predictions are worth. */
export interface Scoring {
  /** Null where there is nothing to score, or the labels are sealed. */
  readonly score: Score | null;
  /** Whether the labels are sealed, and another process scores the run. */
  readonly isAwaited: boolean;
  readonly fault: string | null;
}

/** Scores the predictions where they are valid and predict gave the same rows twice. */
export async function scorePredictions(
  run: SettledRun,
  predicted: Predicted | null,
  again: PredictedAgain | null,
  track: TrackCheck,
): Promise<Scoring> {
  const { withheld, plan, abort } = run;
  const isConfirmed =
    again?.fault === null &&
    again.second?.predictions.state === 'valid' &&
    again.second.disagreement === null;
  const isSound = track.fault === null && track.tampered === null && !abort.aborted;
  if (predicted?.predictions.state !== 'valid' || !isConfirmed || !isSound) {
    return { score: null, isAwaited: false, fault: null };
  }
  const { scores } = predicted.predictions;
  if (withheld.labels === null) return { score: null, isAwaited: true, fault: null };
  const openLabels = withheld.labels;
  let found: Score | null = null;
  const fault = await faultOf(run, async () => {
    // No process of the entry lives from here on: the first moment at which the labels may be opened.
    found = score(scores, await openLabels(), plan.track.info.classes);
  });
  return { score: found, isAwaited: false, fault };
}
