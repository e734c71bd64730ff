import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { dump, parse } from 'npyjs';
import { WIDTHS } from '../../submission/plan/planRun.ts';

const main = fileURLToPath(new URL('../../dist/submission/main.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'haet-train-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Makes two classes that a small network learns in seconds: bright squares on the left or on the right, in noise. */
const count = 200;
const labels = Uint8Array.from({ length: count }, (_, index) => index % 2);
beforeAll(() => {
  const images = new Uint8Array(count * 32 * 32 * 3);
  for (let index = 0; index < images.length; index += 1) {
    const pixel = Math.floor(index / 3) % 1024;
    const [image, row, column] = [Math.floor(index / 3072), Math.floor(pixel / 32), pixel % 32];
    const isSquare = row >= 12 && row < 20 && column >= 12 && column < 20;
    const noise = (index * 7919) % 64;
    images[index] = noise + (isSquare && index % 3 === labels[image]! ? 150 : 30);
  }
  mkdirSync(join(folder, 'train'));
  writeFileSync(join(folder, 'train/images.npy'), new Uint8Array(dump(images, [count, 32, 32, 3])));
  writeFileSync(join(folder, 'train/labels.npy'), new Uint8Array(dump(labels, [count])));
});

const small = ['width=0.125', 'batchSize=20', 'cutmixProbability=0'].flatMap((pair) => ['--set', pair]);

function startTraining(name: string, budgetSeconds: number, words: string[] = small) {
  const model = join(folder, name);
  mkdirSync(model);
  const env = {
    PATH: process.env.PATH,
    HAET_TRAIN_DIR: join(folder, 'train'),
    HAET_OUT_DIR: model,
    HAET_SEED: '1',
    HAET_BUDGET_SECONDS: String(budgetSeconds),
    HAET_CPUS: '2',
    HAET_PROGRESS_FD: '3',
  };
  const child = execa(process.execPath, [main, 'train', ...words], {
    env,
    extendEnv: false,
    reject: false,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  return { model, child };
}

async function predict(model: string) {
  const out = mkdtempSync(join(folder, 'predictions-'));
  const env = {
    PATH: process.env.PATH,
    HAET_TEST_IMAGES: join(folder, 'train/images.npy'),
    HAET_MODEL_DIR: model,
    HAET_OUT_DIR: out,
    HAET_SEED: '1',
    HAET_BUDGET_SECONDS: '60',
    HAET_CPUS: '2',
  };
  const result = await execa(process.execPath, [main, 'predict'], { env, extendEnv: false, reject: false });
  return { result, file: join(out, 'predictions.npy') };
}

/** Returns the scores of every image, [count, 2]. Checks that they are finite. */
function scoresIn(file: string): Float32Array {
  const bytes = readFileSync(file);
  const { data, shape, dtype } = parse(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  expect(shape).toEqual([count, 2]);
  expect(dtype).toBe('f4');
  const scores = data as Float32Array;
  expect(scores.every(Number.isFinite)).toBe(true);
  return scores;
}

function accuracy(file: string): number {
  const scores = scoresIn(file);
  return (
    labels.filter((label, image) => scores[2 * image + label]! > scores[2 * image + 1 - label]!).length /
    count
  );
}

test('trains until just before the deadline, reports progress, and saves a model that predicts', async () => {
  const budget = 10;
  const started = performance.now();
  const { model, child } = startTraining('whole', budget);
  const { exitCode, stdio, stderr } = await child;
  const seconds = (performance.now() - started) / 1000;
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  expect(seconds).toBeLessThan(budget);
  expect(seconds).toBeGreaterThan(budget * 0.6);

  const lines = (stdio[3] as string)
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(lines.length).toBeGreaterThan(2);
  expect(lines.at(-1).step).toBeGreaterThan(lines[0].step);
  expect(lines.at(-1).loss).toBeLessThan(lines[0].loss);
  expect(JSON.parse(readFileSync(join(model, 'settings.json'), 'utf8')).width).toBe(0.125);

  const { file } = await predict(model);
  expect(accuracy(file)).toBeGreaterThan(0.95);
});

test('killed at any time after the first save, it leaves one loadable model', async () => {
  for (const milliseconds of [0, 37, 120, 260]) {
    const { model, child } = startTraining(`killed-${milliseconds}`, 60, [
      ...small,
      '--set',
      'saveEverySeconds=0.01',
    ]);
    while (!readdirSync(model).includes('model.json')) await sleep(20);
    await sleep(milliseconds);
    child.kill('SIGKILL');
    await child;
    const { result, file } = await predict(model);
    expect({ exitCode: result.exitCode, stderr: result.stderr }).toEqual({ exitCode: 0, stderr: '' });
    const manifest = JSON.parse(readFileSync(join(model, 'model.json'), 'utf8'));
    expect(manifest.step).toBeGreaterThan(0);
    expect(readdirSync(model)).toContain(`weights-${manifest.step}.bin`);
    // The images of a class are one image: two rows of two scores. Missing or zero weights would make them equal.
    expect(new Set(scoresIn(file)).size).toBeGreaterThanOrEqual(4);
  }
});

test('without a given width, plans by steps of this machine, and keeps how many epochs were expected and done', async () => {
  const pairs = ['batchSize=20', 'engine=stock', 'precision=float32'];
  const { model, child } = startTraining(
    'planned',
    8,
    pairs.flatMap((pair) => ['--set', pair]),
  );
  const { exitCode, stderr, stdio } = await child;
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  const kept = JSON.parse(readFileSync(join(model, 'settings.json'), 'utf8'));
  expect(WIDTHS).toContain(kept.width);
  expect(kept.epochs).toBeGreaterThan(1);
  for (const [expected, error] of [
    [kept.plannedEpochs, kept.plannedError],
    [kept.revisedEpochs, kept.revisedError],
  ]) {
    expect(expected).toBeGreaterThan(1);
    expect(error).toBeCloseTo(expected / kept.epochs - 1, 9);
  }
  const lines = (stdio[1] as string).trim().split('\n');
  expect(lines[0]).toMatch(/^stock ops in float32, width [\d.]+: \d+ ms per step$/);
  expect(lines.at(-1)).toMatch(
    /^\d+ steps, [\d.]+ epochs in [\d.]+ s; planned [\d.]+ \([+-][\d.]+ %\), revised early to [\d.]+ \([+-][\d.]+ %\)$/,
  );
});

test('with a number of epochs, trains for these and not for the time', async () => {
  const words = [...small, '--set', 'trainEpochs=3', '--set', 'predictSeconds=0.000001'];
  const { model, child } = startTraining('epochs', 600, words);
  const { exitCode, stderr, stdio } = await child;
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  // 200 images in batches of 20.
  expect((stdio[1] as string).trim().split('\n').at(-1)).toMatch(
    /^30 steps, 3\.0 epochs in .*; planned 3\.0/,
  );
  const kept = JSON.parse(readFileSync(join(model, 'settings.json'), 'utf8'));
  expect(kept).toMatchObject({ trainEpochs: 3, epochs: 3, plannedEpochs: 3, plannedError: 0 });
  const { testShift } = JSON.parse(readFileSync(join(model, 'model.json'), 'utf8'));
  expect([kept.testShift, testShift]).toEqual([0, 0]); // no more views in that time
  expect((await predict(model)).result.exitCode).toBe(0);
});

describe('prints an error if', () => {
  test('there is no model to predict with', async () => {
    const { result } = await predict(mkdtempSync(join(folder, 'empty-')));
    expect(result.exitCode).toBe(1);
    expect(result.stderr).toMatch(/model\.json cannot be read: no model found/);
  });

  test('a setting is unknown', async () => {
    const { exitCode, stderr } = await startTraining('unknown', 5, ['--set', 'depth=9']).child;
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/unknown setting "depth"/);
  });

  test('the loss is NaN', async () => {
    const { exitCode, stderr } = await startTraining('diverged', 20, [
      ...small,
      '--set',
      'peakLearningRate=1e30',
    ]).child;
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/The loss is NaN at step \d+\. Lower peakLearningRate/);
  });

  test('the contract is violated', async () => {
    const { exitCode, stderr } = await execa(process.execPath, [main, 'train'], {
      extendEnv: false,
      reject: false,
    });
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/HAET_TRAIN_DIR is not set/);
  });
});
