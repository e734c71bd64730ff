import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { readLabels, readTrack } from '../../datasets/readTrack.ts';
import { trackFiles } from '../../datasets/track.ts';
import { UserError } from '../../datasets/userError.ts';
import { loadEntry } from '../../evaluator/intake/loadEntry.ts';
import { readRecord } from '../../evaluator/run/readRecord.ts';
import type { RunRecord } from '../../evaluator/run/record.ts';
import { createProcessSandbox } from '../../evaluator/sandbox/process/process.ts';
import { type Scores, score } from '../../evaluator/score/score.ts';
import { predictWith } from '../predictWith.ts';
import { plotAccuracy } from './plotAccuracy.ts';
import { groupsOf, type ScoredRun } from './scoredRun.ts';
import { disagreements, togetherOf } from './together.ts';

/** Runs that `--together` takes: 10 are 1,013 groups. */
const MOST_TOGETHER = 10;

/**
 * Scores models of dry runs on a larger held-out set: a Track with the same source and seed and more test images has
 * the same training half.
 */
const program = new Command()
  .name('npm run bench:spare --')
  .description('Score the models of finished runs on the test images of another Track.')
  .argument('<runs...>', 'folders of runs')
  .requiredOption('--track <dir>', 'Track with the same training images and more held-out ones')
  .option('--plots <folder>', 'also draw accuracy by seconds of training')
  .option(
    '--together',
    'also score the mean of the scores of every two runs, every three, and so on; their scores need one scale',
  )
  .parse();
const options = program.opts<{ track: string; plots?: string; together?: boolean }>();
if (options.together && (program.args.length < 2 || program.args.length > MOST_TOGETHER))
  program.error(`error: --together takes 2 to ${MOST_TOGETHER} runs, and ${program.args.length} are given`);
const trackDir = resolve(options.track);

const track = await readTrack(trackDir);
const labels = await readLabels(trackDir, 'test', track);
const sandbox = await createProcessSandbox();
const runs: ScoredRun[] = [];
const scoresOfRuns: Scores[] = [];
for (const folder of program.args.map((each) => resolve(each))) {
  const record = await readRecord(folder);
  const scores = await scoresOf(record, folder);
  const { accuracy } = score(scores, labels, track.classes);
  scoresOfRuns.push(scores);
  runs.push({ entry: await nameOf(record), trainSeconds: record.limits.trainSeconds, accuracy });
  process.stderr.write(`${record.runId}: ${(100 * accuracy).toFixed(2)} % of ${labels.length}\n`);
}
for (const row of groupsOf(runs))
  process.stdout.write(`${JSON.stringify({ ...row, images: labels.length })}\n`);
if (options.together) {
  const differing = disagreements(scoresOfRuns, track.classes.length);
  process.stdout.write(`${JSON.stringify({ disagreements: differing })}\n`);
  for (const row of togetherOf(scoresOfRuns, labels, track.classes))
    process.stdout.write(`${JSON.stringify(row)}\n`);
}
if (options.plots !== undefined) await plotAccuracy(runs, labels.length, resolve(options.plots));

/** Returns the entry's name with the arguments that the run added to its train command. */
async function nameOf({ entry, stages }: RunRecord): Promise<string> {
  const { manifest } = await loadEntry(entry!.path);
  const { argv } = stages.find(({ stage }) => stage === 'train')!;
  return [entry!.name, ...argv.slice(manifest.train.length)].join(' ');
}

async function scoresOf(record: RunRecord, folder: string): Promise<Scores> {
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
    return (await predictWith(sandbox, { record, folder }, of, testImages, place)).scores;
  } finally {
    await rm(scratch, { recursive: true });
  }
}
