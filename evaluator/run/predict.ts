import { predictionsFile } from '../contract.ts';
import { type Predictions, readPredictions } from '../score/readPredictions.ts';
import { keepPredictions, type PredictionsKind } from '../stage/keepRegularFiles.ts';
import type { StageResult } from '../stage/runStage.ts';
import { readyOf, requireFair, runEntryStage } from './entryStage.ts';
import { leftInstead } from './leftInstead.ts';
import { predictAgain, type SecondRun } from './predictAgain.ts';
import { emptyWork } from './runFolder.ts';
import { faultOf, type SettledRun } from './settleRun.ts';
import type { Intake } from './takeIn.ts';
import type { Trained } from './train.ts';

/** Result of the first predict run. */
export interface Predicted {
  /** Null if the stage could not be run. */
  readonly stage: StageResult | null;
  readonly predictions: Predictions;
  /** What the entry changed in an open Track, as a sentence; null if nothing. */
  readonly tampered: string | null;
  readonly fault: string | null;
}

/** Runs predict on the test images. Returns null if there was nothing to run. */
export async function predict(
  run: SettledRun,
  intake: Intake,
  trained: Trained | null,
): Promise<Predicted | null> {
  const ready = readyOf(intake);
  const hasModel = trained !== null && trained.fault === null && trained.model?.sha256 != null;
  if (ready === null || !hasModel || run.abort.aborted) return null;
  const { folders } = ready;
  let stage: StageResult | null = null;
  let predictions: Predictions = { state: 'unread', isThere: null };
  let tampered: string | null = null;
  const fault = await faultOf(run, async () => {
    await emptyWork(folders);
    stage = await runEntryStage(run, ready, 'predict', await run.withheld.images());
    await run.hooks.onOutput?.('predict', folders.predictions);
    const found = await leftInstead(folders.predictions, ready.entry.folder);
    const left = await keepPredictions(folders.predictions);
    requireFair(stage);
    if (endedWell(stage) && !run.abort.aborted) {
      predictions = await read(run, folders.predictions, left);
      if (predictions.state === 'none') predictions = { ...predictions, found };
    } else if (!stage.beyondQuota) {
      predictions = { state: 'unread', isThere: left !== 'nothing' };
    }
    // Changes to an open Track are detected before its images are read again.
    if (run.sandbox.kind === 'process') tampered = await run.withheld.change();
  });
  return { stage, predictions, tampered, fault };
}

/** Result of the second predict run. */
export interface PredictedAgain {
  /** Null if it could not be run. */
  readonly second: SecondRun | null;
  readonly fault: string | null;
}

/** Runs predict on other test images, if the first run gave valid rows. Returns null if there was nothing to run. */
export async function predictSecond(
  run: SettledRun,
  intake: Intake,
  predicted: Predicted | null,
): Promise<PredictedAgain | null> {
  const ready = readyOf(intake);
  if (ready === null || predicted === null || run.abort.aborted) return null;
  const { predictions, tampered, fault: earlier } = predicted;
  if (predictions.state !== 'valid' || tampered !== null || earlier !== null) return null;
  let second: SecondRun | null = null;
  const fault = await faultOf(run, async () => {
    second = await predictAgain(
      predictions.scores,
      shapeOf(run),
      { ...ready.folders, entry: ready.entry.folder },
      run.withheld,
      (testImages) => runEntryStage(run, ready, 'predict-again', testImages),
    );
    requireFair(second.stage);
  });
  return { second, fault };
}

function shapeOf({ plan }: SettledRun): { testSize: number; classes: number } {
  const { testSize, classes } = plan.track.info;
  return { testSize, classes: classes.length };
}

async function read(run: SettledRun, folder: string, left: PredictionsKind): Promise<Predictions> {
  const { testSize, classes } = shapeOf(run);
  if (left === 'file' || left === 'nothing') return readPredictions(folder, testSize, classes);
  return { state: 'invalid', reason: `${predictionsFile} is a ${left}, not a regular file` };
}

function endedWell({ record: { ended, exitCode }, beyondQuota }: StageResult): boolean {
  return ended === 'exited' && exitCode === 0 && !beyondQuota;
}
