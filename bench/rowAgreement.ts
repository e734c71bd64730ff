import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { readTrack } from '../datasets/readTrack.ts';
import { trackFiles } from '../datasets/track.ts';
import { UserError } from '../datasets/userError.ts';
import { chosenImages, drawImages } from '../evaluator/run/chosenImages.ts';
import { readRecord } from '../evaluator/run/readRecord.ts';
import { compareRows } from '../evaluator/run/rowsAgree.ts';
import { createProcessSandbox } from '../evaluator/sandbox/process/process.ts';
import { predictWith } from './predictWith.ts';

/** Measures how much a model's rows for an image differ between the first predict run and the second. */
const program = new Command()
  .name('npm run bench:rows --')
  .description(
    "Run a finished run's predict stage on all test images and on random draws of them, and compare the rows.",
  )
  .argument('<run>', 'folder of the run')
  .requiredOption('--track <dir>', 'its Track')
  .option('--times <n>', 'random draws', '5')
  .parse();
const runFolder = resolve(program.args[0]!);
const { track: trackOption, times } = program.opts<{ track: string; times: string }>();
const trackDir = resolve(trackOption);

const info = await readTrack(trackDir);
const record = await readRecord(runFolder);
if (record.entry === null) throw new UserError(`${runFolder}: no entry, because its archive was rejected.`);
const sandbox = await createProcessSandbox();
let started = 0;
const scratch = await mkdtemp(join(tmpdir(), 'haet-rows-'));
try {
  const inOrder = Uint32Array.from({ length: info.testSize }, (_, image) => image);
  const first = await predictOn(inOrder);
  process.stderr.write(`all ${info.testSize} images: ${first.seconds.toFixed(1)} s\n`);
  const runs = [];
  for (let time = 0; time < Number(times); time += 1) {
    const chosen = drawImages(info.testSize);
    const { scores, seconds } = await predictOn(chosen);
    runs.push({ seconds, ...compareRows(first.scores, scores, chosen, info.classes.length) });
    process.stderr.write(`${JSON.stringify(runs.at(-1))}\n`);
  }
  process.stdout.write(`${JSON.stringify({ run: record.runId, seconds: first.seconds, runs })}\n`);

  async function predictOn(chosen: Uint32Array) {
    const testImages = join(scratch, 'images.npy');
    await writeFile(testImages, await chosenImages(join(trackDir, trackFiles.testImages), chosen));
    const place = { scratch, runId: `predict-${started++}` };
    return predictWith(sandbox, { record, folder: runFolder }, { dir: trackDir, info }, testImages, place);
  }
} finally {
  await rm(scratch, { recursive: true });
}
