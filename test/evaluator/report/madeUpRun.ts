import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from '@jest/globals';
import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { writeNpy } from '../../../datasets/npy.ts';
import { archiveLimitsSchema } from '../../../evaluator/intake/limits.ts';
import {
  type RunRecord,
  runRecordSchema,
  type Score,
  type StageRecord,
} from '../../../evaluator/run/record.ts';
import { nothingHeld } from '../../../evaluator/sandbox/holds.ts';
import { wilsonInterval } from '../../../evaluator/score/statistics.ts';

const classes = ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck'];
const perClass = 100;
const testSize = classes.length * perClass;
const gib = 2 ** 30;
const hash = (digit: string) => digit.repeat(64);
/** Pairs of classes that are often confused: cat and dog, automobile and truck, ... */
const lookAlikes = [8, 9, 0, 5, 7, 3, 3, 4, 0, 1];

export interface MadeUpRun {
  readonly folder: string;
  readonly trackDir: string;
  readonly record: RunRecord;
}

const made: string[] = [];
afterAll(async () => {
  for (const folder of made) await rm(folder, { recursive: true, force: true });
});

/** Writes a possible run: a folder with record, progress, predictions, settings and logs, and its Track. */
export async function madeUpRun(
  seed = 1,
  change: (record: RunRecord) => void = () => {},
): Promise<MadeUpRun> {
  const folder = await mkdtemp(join(tmpdir(), 'haet-report-'));
  made.push(folder);
  const trackDir = join(folder, 'track');
  for (const name of ['predictions', 'model', 'track/test'])
    await mkdir(join(folder, name), { recursive: true });
  const random = randomNumbers(seed);

  const labels = Uint8Array.from({ length: testSize }, (_, index) => index % classes.length);
  const scores = new Float32Array(testSize * classes.length).map(() => 2 * random());
  labels.forEach((truth, index) => {
    const row = scores.subarray(index * classes.length, (index + 1) * classes.length);
    row[truth]! += 8 * random() + (truth === 3 ? 0.2 : 1.6);
    row[lookAlikes[truth]!]! += 6.5 * random() ** 2.2;
  });
  await writeNpy(join(folder, 'predictions', 'predictions.npy'), 'float32', scores, [
    testSize,
    classes.length,
  ]);
  await writeNpy(join(trackDir, 'labels.npy'), 'uint8', labels, [testSize]);
  const images = pictures(testSize, random);
  await writeNpy(join(trackDir, 'test', 'images.npy'), 'uint8', images, [testSize, 32, 32, 3]);

  const progress = progressLines(random);
  await writeFile(
    join(folder, 'progress.jsonl'),
    `${progress.map((line) => JSON.stringify(line)).join('\n')}\n`,
  );
  await writeFile(
    join(folder, 'model', 'settings.json'),
    JSON.stringify({
      width: 0.5,
      batchSize: 250,
      labelSmoothing: 0.1,
      optimizer: { momentum: 0.9, nesterov: true },
    }),
  );
  await writeFile(join(folder, 'train.stdout.log'), 'ResNet-9 at width 0.5, bfloat16\n');
  await writeFile(join(folder, 'train.stderr.log'), '\u001b[31mTraceback\u001b[0m: <b>out of luck</b>\n');

  const record = makeRecord(folder, scoreOf(scores, labels), stages(random));
  record.progress = { lines: progress.length, rejected: 2, last: progress.at(-1)! };
  change(record);
  await writeFile(join(folder, 'record.json'), JSON.stringify(runRecordSchema.parse(record)));
  return { folder, trackDir, record };
}

function makeRecord(folder: string, score: Score, stageRecords: StageRecord[]): RunRecord {
  return {
    schemaVersion: 3,
    runId: '2026-11-21T10-41-23-resnet-9-s1',
    startedAt: '2026-11-21T10:41:23.000Z',
    folder,
    verdict: 'SCORED',
    owner: 'contestant',
    evidence: [
      'Training ended by itself after 594.3 s with status 0.',
      'Prediction ended after 6.2 s with status 0.',
    ],
    advice: 'Nothing to do.',
    score,
    entry: { name: 'ResNet-9', team: 'haet', path: 'dist/submission', sha256: hash('a') },
    archiveSha256: null,
    modelSha256: null,
    intake: archiveLimitsSchema.parse({}),
    track: {
      schemaVersion: 1,
      name: 'CIFAR-10, 500 a class, seed 1',
      classes,
      imageShape: [32, 32, 3],
      trainSize: 5000,
      testSize,
      seed: 1,
      source: { kind: 'cifar10', description: 'CIFAR-10, binary version', sha256: hash('b') },
      sha256: {},
    },
    seed: 1,
    attempt: 1,
    sandbox: {
      kind: 'process',
      contains: 'time, processes; not files, network or memory',
      holds: nothingHeld,
      image: null,
    },
    limits: { trainSeconds: 600, predictSeconds: 60, cpus: 2, memoryBytes: 7 * gib, processes: 1024 },
    gpus: [],
    stages: stageRecords,
    progress: { lines: 0, rejected: 0, last: null },
    machine: {
      cpu: 'Intel(R) Xeon(R) Platinum 8481C CPU @ 2.70GHz',
      cores: 2,
      memoryBytes: 8 * gib,
      features: ['avx2', 'avx512f', 'amx_bf16'],
      platform: 'linux x64 6.1',
      node: '20.19.2',
    },
    evaluator: { version: '0.1.0', commit: 'eb19935c0ffee' },
  };
}

function scoreOf(scores: Float32Array, labels: Uint8Array): Score {
  const confusion = classes.map(() => classes.map(() => 0));
  const bins = Array.from({ length: 15 }, () => ({ confidence: 0, accuracy: 0, count: 0 }));
  let logLoss = 0;
  labels.forEach((truth, index) => {
    const row = [...scores.subarray(index * classes.length, (index + 1) * classes.length)];
    const total = row.reduce((sum, value) => sum + Math.exp(value), 0);
    const predicted = row.indexOf(Math.max(...row));
    const confidence = Math.exp(row[predicted]!) / total;
    confusion[truth]![predicted]! += 1;
    logLoss -= Math.log(Math.exp(row[truth]!) / total) / labels.length;
    const bin = bins[Math.min(14, Math.floor(confidence * 15))]!;
    bin.count += 1;
    bin.confidence += (confidence - bin.confidence) / bin.count;
    bin.accuracy += (Number(predicted === truth) - bin.accuracy) / bin.count;
  });
  const correct = confusion.reduce((sum, row, truth) => sum + row[truth]!, 0);
  return {
    correct,
    total: labels.length,
    accuracy: correct / labels.length,
    wilson95: wilsonInterval(correct, labels.length),
    details: {
      perClass: classes.map((name, truth) => ({
        name,
        correct: confusion[truth]![truth]!,
        total: perClass,
        accuracy: confusion[truth]![truth]! / perClass,
      })),
      confusion,
      logLoss,
      calibration: {
        expectedError: bins.reduce(
          (sum, bin) => sum + (bin.count / labels.length) * Math.abs(bin.accuracy - bin.confidence),
          0,
        ),
        bins,
      },
    },
  };
}

function progressLines(random: () => number) {
  return Array.from({ length: 295 }, (_, at) => {
    const share = at / 295;
    return {
      step: at * 5,
      epoch: at / 4,
      loss: 0.55 + 1.8 * Math.exp(-4 * share) + 0.08 * random(),
      accuracy: 0.95 - 0.85 * Math.exp(-4 * share) + 0.02 * random(),
      imagesPerSecond: (at < 6 ? 180 + 60 * at : 620) + 30 * random() - (at % 60 === 0 ? 150 : 0),
      atSeconds: 4 + 2 * at,
    };
  });
}

function stages(random: () => number): StageRecord[] {
  const usage = (seconds: number, memory: number) =>
    Array.from({ length: Math.round(seconds) }, (_, at) => ({
      atSeconds: at,
      cpuCores: Math.min(2, 0.6 + at / 2) - 0.08 * random(),
      memoryBytes: memory * gib * (1 - Math.exp(-at / 2)) + 0.05 * gib * random(),
      processes: 1,
    }));
  const common = {
    ended: 'exited',
    exitCode: 0,
    signal: null,
    kill: null,
    stdoutBytes: 33,
    stderrBytes: 40,
    processesLeft: 0,
    limitHits: null,
    contention: null,
  } as const;
  const predict = (
    stage: 'predict' | 'predict-again',
    times: Pick<StageRecord, 'startedAt' | 'seconds' | 'cpuSeconds'>,
  ): StageRecord => ({
    ...common,
    stage,
    argv: ['node', 'main.js', 'predict'],
    limitSeconds: 60,
    peakMemoryBytes: Math.round(1.1 * gib),
    usage: usage(6, 1.1),
    ...times,
  });
  return [
    {
      ...common,
      stage: 'train',
      argv: ['env', 'MALLOC_TRIM_THRESHOLD_=17179869184', 'node', 'main.js', 'train'],
      startedAt: '2026-11-21T10:41:23.100Z',
      limitSeconds: 600,
      seconds: 594.3,
      cpuSeconds: 1165,
      peakMemoryBytes: Math.round(2.9 * gib),
      usage: usage(594, 2.8),
    },
    predict('predict', { startedAt: '2026-11-21T10:51:17.600Z', seconds: 6.2, cpuSeconds: 10.4 }),
    predict('predict-again', { startedAt: '2026-11-21T10:51:24.100Z', seconds: 6.4, cpuSeconds: 10.5 }),
  ];
}

/** Draws blobs on a gradient, so that an image is not only noise; a few are reused, which is fast. */
function pictures(count: number, random: () => number): Uint8Array<ArrayBuffer> {
  const { hypot, floor } = Math;
  const drawn = Array.from({ length: 40 }, () => {
    const [x, y, radius] = [8 + 16 * random(), 8 + 16 * random(), 4 + 8 * random()];
    const [inside, outside] = [0, 1].map(() => [0, 1, 2].map(() => 255 * random()));
    return Uint8Array.from({ length: 32 * 32 * 3 }, (_, at) => {
      const [row, column] = [floor(at / 96), floor(at / 3) % 32];
      const color = hypot(column - x, row - y) < radius ? inside! : outside!;
      return color[at % 3]! * (0.6 + row / 80);
    });
  });
  const pixels = new Uint8Array(count * 32 * 32 * 3);
  for (let image = 0; image < count; image++) pixels.set(drawn[image % 40]!, image * 32 * 32 * 3);
  return pixels;
}

function randomNumbers(seed: number): () => number {
  const generator = xoroshiro128plus(seed);
  return () => uniformFloat64(generator);
}
