import { join } from 'node:path';
import type { TrackInfo } from '../datasets/track.ts';
import { UserError } from '../datasets/userError.ts';
import { limitsSchema } from '../evaluator/contract.ts';
import { loadEntry } from '../evaluator/intake/loadEntry.ts';
import type { RunRecord } from '../evaluator/run/record.ts';
import { makeRunFolder } from '../evaluator/run/runFolder.ts';
import type { Sandbox } from '../evaluator/sandbox/sandbox.ts';
import { readPredictions } from '../evaluator/score/readPredictions.ts';
import type { Scores } from '../evaluator/score/score.ts';
import { runStage } from '../evaluator/stage/runStage.ts';
import { predictEnvironment } from '../evaluator/stage/stageEnvironment.ts';
import { hostPlaces, mountsOf } from '../evaluator/stage/stagePlaces.ts';

const limits = { ...limitsSchema.parse({}), predictSeconds: 600 };

/** A finished run whose model is reused. */
export interface FinishedRun {
  readonly record: RunRecord;
  /** Its folder, with the model. */
  readonly folder: string;
}

/**
 * Predicts with the model of a finished run.
 * @param testImages .npy, uint8 [testSize, 32, 32, 3]
 * @param scratch an existing folder, in which the stage's folder is created
 * @param runId not used before in `scratch`
 * @returns scores [testSize, classes], and the seconds of the stage
 * @throws UserError if the entry is gone or has changed; Error if the predictions are not valid
 */
export async function predictWith(
  sandbox: Sandbox,
  { record, folder }: FinishedRun,
  { dir: trackDir, info }: { readonly dir: string; readonly info: TrackInfo },
  testImages: string,
  { scratch, runId }: { readonly scratch: string; readonly runId: string },
): Promise<{ scores: Scores; seconds: number }> {
  const { manifest, folder: entryFolder, sha256 } = await loadEntry(record.entry!.path);
  if (sha256 !== record.entry!.sha256) {
    throw new UserError(`${entryFolder}: sha256 differs from the code that trained ${folder}.`);
  }
  const folders = await makeRunFolder(scratch, runId);
  const places = hostPlaces('predict', {
    entry: entryFolder,
    trackDir,
    testImages,
    folders: { ...folders, model: join(folder, 'model') },
    temporary: folders.work,
  });
  const { seed, limits: granted } = record;
  const { record: stage } = await runStage(sandbox, {
    stage: 'predict',
    spec: {
      argv: manifest.predict as [string, ...string[]],
      cwd: entryFolder,
      environment: predictEnvironment({ runId, seed, ...granted }, places, limits.predictSeconds),
      progress: false,
      ...mountsOf('predict', places, places),
      work: places.work,
      limits: { ...granted, ...limits },
    },
    limitSeconds: limits.predictSeconds,
    folder: folders.run,
    limits,
    interrupt: new AbortController().signal,
  });
  const predictions = await readPredictions(folders.predictions, info.testSize, info.classes.length);
  if (predictions.state !== 'valid')
    throw new Error(`${folder}: no valid predictions:  ${JSON.stringify(predictions)}`);
  return { scores: predictions.scores, seconds: stage.seconds };
}
