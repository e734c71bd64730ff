import { createRequire } from 'node:module';
import { expect, test } from '@jest/globals';
import { predictEnvironment, trainEnvironment } from '../../../evaluator/stage/stageEnvironment.ts';
import { fencedPlaces, hostPlaces } from '../../../evaluator/stage/stagePlaces.ts';

const run = { runId: 'run', seed: 1, cpus: 1, memoryBytes: 2 ** 30 };
const folders = { run: '/r', model: '/r/model', predictions: '/r/p', aside: '/r/a', work: '/r/work' };
const host = (stage: 'train' | 'predict') =>
  hostPlaces(stage, {
    entry: '/e',
    trackDir: '/t',
    testImages: '/t/images.npy',
    folders,
    temporary: '/tmp/w',
  });

test('without file isolation, both stages are told where the packages of this project are', () => {
  for (const { NODE_PATH } of [
    trainEnvironment(run, host('train'), 1),
    predictEnvironment(run, host('predict'), 1),
  ]) {
    expect(createRequire('/nowhere/entry.mjs').resolve(`${NODE_PATH}/commander`)).toContain(NODE_PATH);
  }
});

test('with file isolation, they are told where the packages are mounted', () => {
  expect(trainEnvironment(run, fencedPlaces, 1).NODE_PATH).toBe('/node_modules');
});

test('temporary files get a short path, and Python writes its output at once', () => {
  for (const environment of [
    trainEnvironment(run, host('train'), 1),
    predictEnvironment(run, host('predict'), 1),
  ])
    expect(environment).toMatchObject({ HOME: '/r/work', TMPDIR: '/tmp/w', PYTHONUNBUFFERED: '1' });
  expect(trainEnvironment(run, fencedPlaces, 1)).toMatchObject({ HOME: '/work', TMPDIR: '/work' });
});

test('the GPUs of a run are in CUDA_VISIBLE_DEVICES, which is not set if they are not divided', () => {
  for (const environmentOf of [trainEnvironment, predictEnvironment]) {
    const places = host(environmentOf === trainEnvironment ? 'train' : 'predict');
    expect(environmentOf({ ...run, visibleGpus: 'GPU-1,GPU-2' }, places, 1)).toMatchObject({
      CUDA_VISIBLE_DEVICES: 'GPU-1,GPU-2',
    });
    expect(environmentOf({ ...run, visibleGpus: '' }, places, 1)).toMatchObject({ CUDA_VISIBLE_DEVICES: '' });
    expect(environmentOf(run, places, 1)).not.toHaveProperty('CUDA_VISIBLE_DEVICES');
  }
});
