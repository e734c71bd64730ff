import { join } from 'node:path';
import { readNpy } from '../../datasets/npy.ts';
import { trackFiles } from '../../datasets/track.ts';
import { predictionsFile } from '../contract.ts';
import { mostSettingsBytes, settingsFile } from '../run/pruneModel.ts';
import { readRecord } from '../run/readRecord.ts';
import { type RunRecord, runStages } from '../run/record.ts';
import { type LearningCurves, readLearningCurves } from './learningCurves.ts';
import { type Mistake, mostConfidentMistakes, pictureUri } from './mistakes.ts';
import { readEnd } from './readEnd.ts';

/** The content of a run's folder for its report. Missing parts are null, with the reason in `notes`. */
export interface Run {
  readonly record: RunRecord;
  readonly curves: LearningCurves;
  readonly mistakes: (Mistake & { picture: string })[] | null;
  /** Unchanged content of the entry's model/settings.json. */
  readonly settings: string | null;
  readonly logs: Log[];
  /** Why a part of the report is missing, one sentence each. */
  readonly notes: string[];
}

/** The end of a log. */
export interface Log {
  readonly file: string;
  readonly tail: string;
  readonly bytes: number;
}

const mistakesShown = 24;
const logTailBytes = 6_000;
const logFiles = runStages.flatMap((stage) => [`${stage}.stderr.log`, `${stage}.stdout.log`]);

/**
 * Reads a run's folder; only record.json must be there.
 * @throws UserError if record.json is missing or is not a record
 */
export async function readRun(folder: string, trackDir: string | null): Promise<Run> {
  const record = await readRecord(folder);
  const notes: string[] = [];
  return {
    record,
    curves: await readLearningCurves(folder),
    mistakes: await readMistakes(folder, trackDir, record).catch((error: Error) => {
      notes.push(`Images of mistakes are missing: ${error.message}`);
      return null;
    }),
    settings: (await readEnd(folder, join('model', settingsFile), mostSettingsBytes))?.tail ?? null,
    logs: (await Promise.all(logFiles.map((file) => readLog(folder, file)))).filter((log) => log !== null),
    notes,
  };
}

async function readMistakes(folder: string, trackDir: string | null, { track, score }: RunRecord) {
  // Images and labels of a sealed Track are not shown before the reveal.
  if (score === null || score.details === null) return null;
  if (track === null || trackDir === null) throw new Error('the Track was not found.');
  const [height, width, channels] = track.imageShape;
  const { data: images } = await readNpy(join(trackDir, trackFiles.testImages), {
    dtype: 'uint8',
    shape: [track.testSize, ...track.imageShape],
  });
  const { data: labels } = await readNpy(join(trackDir, trackFiles.testLabels), {
    dtype: 'uint8',
    shape: [track.testSize],
  });
  const { data: scores } = await readNpy(join(folder, 'predictions', predictionsFile), {
    dtype: 'float',
    shape: [track.testSize, track.classes.length],
    refuseLinks: true,
  });
  const pixels = height * width * channels;
  return Promise.all(
    mostConfidentMistakes(scores, labels, track.classes.length, mistakesShown).map(async (mistake) => ({
      ...mistake,
      picture: await pictureUri(
        images.subarray(mistake.index * pixels, (mistake.index + 1) * pixels),
        height,
        width,
      ),
    })),
  );
}

async function readLog(folder: string, file: string): Promise<Log | null> {
  const end = await readEnd(folder, file, logTailBytes);
  return end?.tail.trim() ? { file, ...end } : null;
}
