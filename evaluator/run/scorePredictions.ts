import { score } from '../score/score.ts';
import type { Predicted, PredictedAgain } from './predict.ts';
import type { Score } from './record.ts';
import { faultOf, type SettledRun } from './settleRun.ts';
import type { Trained } from './train.ts';

/** State of the Track after all stages. */
export interface TrackCheck {
  /** What the entry changed, as a sentence; null if nothing. */
  readonly tampered: string | null;
  readonly fault: string | null;
}

/** Removes the opened test images and checks that the Track is unchanged, if a stage was run without a fault. */
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
    // If entries cannot write to the Track, something else changed it.
    if (sandbox.kind === 'process') tampered = change;
    else if (change !== null) throw new Error(change);
  });
  if (fault !== null) await withheld.shut().catch(() => {});
  return { tampered, fault };
}

/** Score of the predictions. */
export interface Scoring {
  /** Null if there is nothing to score or the labels are sealed. */
  readonly score: Score | null;
  /** Whether the labels are sealed, and another process scores the run. */
  readonly isAwaited: boolean;
  readonly fault: string | null;
}

/** Whether the second predict run ended well and gave the same rows as the first. */
function agrees({ fault, second }: PredictedAgain): boolean {
  return fault === null && second?.predictions.state === 'valid' && second.disagreement === null;
}

/** Scores the predictions if they are valid and both predict runs gave the same rows, or the plan asks for one only. */
export async function scorePredictions(
  run: SettledRun,
  predicted: Predicted | null,
  again: PredictedAgain | null,
  track: TrackCheck,
): Promise<Scoring> {
  const { withheld, plan, abort } = run;
  const isConfirmed = again === null ? plan.predictOnce === true : agrees(again);
  const isSound = track.fault === null && track.tampered === null && !abort.aborted;
  if (predicted?.predictions.state !== 'valid' || !isConfirmed || !isSound) {
    return { score: null, isAwaited: false, fault: null };
  }
  const { scores } = predicted.predictions;
  if (withheld.labels === null) return { score: null, isAwaited: true, fault: null };
  const openLabels = withheld.labels;
  let found: Score | null = null;
  const fault = await faultOf(run, async () => {
    // From here on no process of the entry is alive, so the labels may be opened.
    found = score(scores, await openLabels(), plan.track.info.classes);
  });
  return { score: found, isAwaited: false, fault };
}
