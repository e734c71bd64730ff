import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from '@jest/globals';
import { adviceOf } from '../../cli/adviceOf.ts';
import type { RunRecord } from '../../evaluator/run/record.ts';
import { temporaryFolder } from '../evaluator/fixtures.ts';

let folder: string;
beforeAll(async () => {
  folder = await temporaryFolder();
});

/** A record of a run whose train stage ended so. */
const recordOf = (change: object = {}) =>
  ({
    verdict: 'CRASHED',
    advice: 'Read the log.',
    folder,
    stages: [{ stage: 'train' }],
    sandbox: { kind: 'process' },
    ...change,
  }) as unknown as RunRecord;
const crashWith = (line: string) =>
  writeFile(join(folder, 'train.stderr.log'), `node:internal\n${line}\n    at x\n\nNode.js v24.0.0\n`);
const setUp = 'The entry needs TensorFlow.js, which is not set up here: run `haet setup`.';

test.each([
  "Error [ERR_MODULE_NOT_FOUND]: Cannot find package '@tensorflow/tfjs-node-gpu' imported from /entry/train.mjs",
  "Error: Cannot find module '@tensorflow/tfjs'",
])('an entry that crashed for want of TensorFlow.js is told to set it up: %s', async (line) => {
  await crashWith(line);
  expect(await adviceOf(recordOf(), false)).toBe(setUp);
});

test('anything else has the advice of its verdict', async () => {
  await crashWith("Error: Cannot find module 'left-pad'");
  expect(await adviceOf(recordOf(), false)).toBe('Read the log.');
  await crashWith("Error: Cannot find module '@tensorflow/tfjs-node-gpu'");
  expect(await adviceOf(recordOf(), true)).toBe('Read the log.');
  expect(await adviceOf(recordOf({ sandbox: { kind: 'docker' } }), false)).toBe('Read the log.');
  expect(await adviceOf(recordOf({ verdict: 'NO_OUTPUT' }), false)).toBe('Read the log.');
  expect(await adviceOf(recordOf({ stages: [] }), false)).toBe('Read the log.');
  expect(await adviceOf(recordOf({ stages: [{ stage: 'predict' }] }), false)).toBe('Read the log.');
});
