// Predict runs twice: the second time in a fresh sandbox, on other test images, with all else as before. A row that depends
// on the model and its own image alone comes out the same. One that depends on the other test images does not, so training
// in the predict stage, which has time but must not learn, shows. The first run is the one that is scored.
import { chmod, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { type Predictions, readPredictions } from '../score/readPredictions.ts';
import { keepPredictions } from '../stage/keepRegularFiles.ts';
import type { StageResult } from '../stage/runStage.ts';
import type { RunFolders } from '../stage/stagePlaces.ts';
import { drawImages } from './chosenImages.ts';
import { compareRows, disagreementOf } from './rowsAgree.ts';
import { emptyWork } from './runFolder.ts';
import type { Withheld } from './withheld.ts';

export interface SecondRun {
  readonly stage: StageResult;
  readonly predictions: Predictions;
  /** What speaks against the entry, as a sentence; null when the rows agree, or when there are none to compare. */
  readonly disagreement: string | null;
}

/**
 * Runs predict once more and compares. To be called when no process of the first run lives.
 * @param first float32 [testSize, classes], what the first run gave
 * @param runOn runs the predict stage on the test images at a path
 * @throws Error at a fault of the sandbox or of the evaluator, never at one of the entry
 */
export async function predictAgain(
  first: Float32Array,
  { testSize, classes }: { testSize: number; classes: number },
  folders: RunFolders,
  withheld: Withheld,
  runOn: (testImages: string) => Promise<StageResult>,
): Promise<SecondRun> {
  const chosen = drawImages(testSize);
  const images = await withheld.otherImages(chosen);
  await emptyWork(folders);
  return withOutputAside(folders, async () => {
    const stage = await runOn(images);
    const { ended, exitCode } = stage.record;
    await keepPredictions(folders.predictions);
    if (ended !== 'exited' || exitCode !== 0 || stage.beyondQuota)
      return { stage, predictions: { state: 'none' }, disagreement: null };
    const predictions = await readPredictions(folders.predictions, testSize, classes);
    const disagreement =
      predictions.state === 'valid'
        ? disagreementOf(compareRows(first, predictions.scores, chosen, classes))
        : null;
    return { stage, predictions, disagreement };
  });
}

/**
 * Puts what predict left where no other user sees it, and an empty folder in its place, while `use` runs; then brings it
 * back, and what was left meanwhile goes. The path stays the same, so that no run is told from another by it. Nothing new
 * is made, since the entry may have left no room on the disk.
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

/** An entry may have shut the folder, and a shut one cannot be moved. */
async function move(from: string, to: string): Promise<void> {
  await chmod(from, 0o755);
  await rename(from, to);
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}
