import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { readLabels, readTrack } from '../datasets/readTrack.ts';
import { trackFiles } from '../datasets/track.ts';
import { UserError } from '../datasets/userError.ts';
import { limitsSchema } from '../evaluator/contract.ts';
import { loadEntry } from '../evaluator/loadEntry.ts';
import { readPredictions } from '../evaluator/readPredictions.ts';
import type { RunRecord } from '../evaluator/record.ts';
import { readRecord } from '../evaluator/report/readRecord.ts';
import { makeRunFolder } from '../evaluator/runFolder.ts';
import { runStage } from '../evaluator/runStage.ts';
import { createProcessSandbox } from '../evaluator/sandbox/process.ts';
import { score } from '../evaluator/score.ts';
import { predictEnvironment } from '../evaluator/stageEnvironment.ts';
import { hostPlaces, mountsOf } from '../evaluator/stagePlaces.ts';
import { spreadOf } from '../evaluator/statistics.ts';

/**
 * Accuracy of models that dry runs left, on a larger held-out set than they were scored on: a Track of the same
 * source and seed with more test images, which trains on the same images and so holds out none of them.
 */
const program = new Command()
  .name('npm run bench:spare --')
  .description('Score the models of finished runs on the test images of another Track.')
  .argument('<runs...>', 'folders of runs')
  .requiredOption('--track <dir>', 'Track with the same training images and more held-out ones')
  .parse();
const trackDir = resolve(program.opts<{ track: string }>().track);

const track = await readTrack(trackDir);
const labels = await readLabels(trackDir, 'test', track);
const sandbox = await createProcessSandbox();
const accuracies: number[] = [];
for (const folder of program.args.map((each) => resolve(each))) {
  const record = await readRecord(folder);
  const accuracy = await accuracyOf(record, folder);
  accuracies.push(accuracy);
  process.stderr.write(`${record.runId}: ${(100 * accuracy).toFixed(2)} % of ${labels.length}\n`);
}
process.stdout.write(`${JSON.stringify({ images: labels.length, accuracies, ...spreadOf(accuracies) })}\n`);

async function accuracyOf(record: RunRecord, folder: string): Promise<number> {
  if (
    record.entry === null ||
    record.track?.sha256['train/images.npy'] !== track.sha256['train/images.npy']
  ) {
    throw new UserError(`${folder} was not trained on the training images of ${trackDir}.`);
  }
  const { manifest, folder: entryFolder, sha256 } = await loadEntry(record.entry.path);
  if (sha256 !== record.entry.sha256) {
    throw new UserError(`${entryFolder} is not the code that trained ${folder}: its sha256 is another.`);
  }
  const limits = { ...limitsSchema.parse({}), predictSeconds: 600 };
  const scratch = await mkdtemp(join(tmpdir(), 'haet-spare-'));
  try {
    const runId = 'spare';
    const folders = await makeRunFolder(scratch, runId);
    const { seed, limits: granted } = record;
    const places = hostPlaces('predict', {
      entry: entryFolder,
      trackDir,
      testImages: join(trackDir, trackFiles.testImages),
      folders: { ...folders, model: join(folder, 'model') },
    });
    await runStage(sandbox, {
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
    const predictions = await readPredictions(folders.predictions, track.testSize, track.classes.length);
    if (predictions.state !== 'valid')
      throw new Error(`${folder} gave no valid predictions: ${JSON.stringify(predictions)}`);
    return score(predictions.scores, labels, track.classes).accuracy;
  } finally {
    await rm(scratch, { recursive: true });
  }
}
