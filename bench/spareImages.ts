import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { readLabels, readTrack } from '../datasets/readTrack.ts';
import { trackFiles } from '../datasets/track.ts';
import { UserError } from '../datasets/userError.ts';
import { readRecord } from '../evaluator/run/readRecord.ts';
import type { RunRecord } from '../evaluator/run/record.ts';
import { createProcessSandbox } from '../evaluator/sandbox/process/process.ts';
import { score } from '../evaluator/score/score.ts';
import { spreadOf } from '../evaluator/score/statistics.ts';
import { predictWith } from './predictWith.ts';

/**
 * Scores models of dry runs on a larger held-out set: a Track with the same source and seed and more test images has
 * the same training half.
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
  const scratch = await mkdtemp(join(tmpdir(), 'haet-spare-'));
  try {
    const testImages = join(trackDir, trackFiles.testImages);
    const place = { scratch, runId: 'spare' };
    const of = { dir: trackDir, info: track };
    const { scores } = await predictWith(sandbox, { record, folder }, of, testImages, place);
    return score(scores, labels, track.classes).accuracy;
  } finally {
    await rm(scratch, { recursive: true });
  }
}
