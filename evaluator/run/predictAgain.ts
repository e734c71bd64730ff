// Predict runs twice, the second time in a fresh sandbox on other test images and otherwise unchanged. A row that
// depends only on the model and its own image stays the same. A row that depends on other test images changes, so
// training in the predict stage is detected. The first run is scored.
import { chmod, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { type Predictions, readPredictions } from '../score/readPredictions.ts';
import type { Scores } from '../score/score.ts';
import { keepPredictions } from '../stage/keepRegularFiles.ts';
import type { StageResult } from '../stage/runStage.ts';
import type { RunFolders } from '../stage/stagePlaces.ts';
import { drawImages } from './chosenImages.ts';
import { leftInstead } from './leftInstead.ts';
import { compareRows, disagreementOf } from './rowsAgree.ts';
import { emptyWork } from './runFolder.ts';
import type { Withheld } from './withheld.ts';

export interface SecondRun {
  readonly stage: StageResult;
  readonly predictions: Predictions;
  /** Accusation as a sentence; null if the rows agree or cannot be compared. */
  readonly disagreement: string | null;
}

/**
 * Runs predict again and compares the rows. Call it when no process of the first run is alive.
 * @param first [testSize, classes], the rows of the first run
 * @param runOn runs the predict stage on the test images at a path
 * @throws Error for a fault of the sandbox or the evaluator, never of the entry
 */
export async function predictAgain(
  first: Scores,
  { testSize, classes }: { testSize: number; classes: number },
  folders: RunFolders & { readonly entry: string },
  withheld: Withheld,
  runOn: (testImages: string) => Promise<StageResult>,
): Promise<SecondRun> {
  const chosen = drawImages(testSize);
  const images = await withheld.otherImages(chosen);
  await emptyWork(folders);
  return withOutputAside(folders, async () => {
    const stage = await runOn(images);
    const { ended, exitCode } = stage.record;
    const found = await leftInstead(folders.predictions, folders.entry);
    const left = await keepPredictions(folders.predictions);
    if (ended !== 'exited' || exitCode !== 0 || stage.beyondQuota) {
      const isThere = stage.beyondQuota ? null : left !== 'nothing';
      return { stage, predictions: { state: 'unread', isThere }, disagreement: null };
    }
    const predictions = await readPredictions(folders.predictions, testSize, classes);
    const disagreement =
      predictions.state === 'valid'
        ? disagreementOf(compareRows(first, predictions.scores, chosen, classes))
        : null;
    return {
      stage,
      predictions: predictions.state === 'none' ? { ...predictions, found } : predictions,
      disagreement,
    };
  });
}

/**
 * While `use` runs, hides the first output from other users and puts an empty folder in its place; afterwards
 * restores it and removes the second output. The path is the same in both runs, so an entry cannot tell them apart.
 * Nothing is created, because the disk may be full.
 */
async function withOutputAside<T>({ predictions, aside }: RunFolders, use: () => Promise<T>): Promise<T> {
  const [first, second] = [join(aside, 'first'), join(aside, 'second')];
  await move(predictions, first);
  await rename(second, predictions);
  try {
    return await use();
  } finally {
    await move(predictions, second).catch(ignoreMissing);
    await move(first, predictions);
  }
}

/** An entry may have removed its permissions on the folder, which could then not be moved. */
async function move(from: string, to: string): Promise<void> {
  await chmod(from, 0o755);
  await rename(from, to);
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}
