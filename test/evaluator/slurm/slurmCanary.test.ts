import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { readAttempts } from '../../../evaluator/grade/attempts.ts';
import { readJudgements } from '../../../evaluator/grade/canary/canaryLog.ts';
import { issueCanary } from '../../../evaluator/grade/canary/canaryRuns.ts';
import { withoutVoided } from '../../../evaluator/grade/canary/voidedRuns.ts';
import type { JobTerms } from '../../../evaluator/grade/terms.ts';
import { writeCanaryMark } from '../../../evaluator/run/canaryMark.ts';
import type { RunRecord } from '../../../evaluator/run/record.ts';
import { writeRecord } from '../../../evaluator/run/runFolder.ts';
import { readUnscored, removeUnscored, writeUnscored } from '../../../evaluator/run/unscored.ts';
import { createSlurmCanary } from '../../../evaluator/slurm/slurmCanary.ts';
import { temporaryFolder } from '../fixtures.ts';
import { madeUpRecord } from '../grade/madeUpRecord.ts';
import { type FakeSlurm, fakeSlurm } from './fakeSlurm.ts';

const made = madeUpRecord();
const { archiveSha256, track, seed, sandbox, intake, evaluator } = made;
const { trainSeconds, predictSeconds, processes } = made.limits;
const terms: JobTerms = {
  ...{ archiveSha256: archiveSha256!, track: track!, seed, sandbox: sandbox.kind, intake },
  limits: { trainSeconds, predictSeconds, processes },
};
const path = process.env.PATH;
let slurm: FakeSlurm;
let out: string;
/** Correct answers of the canary that has just run, of 1000. */
let correct: number;
beforeEach(async () => {
  [slurm, out, correct] = [await fakeSlurm(), await temporaryFolder(), 500];
});
afterEach(() => {
  process.env.PATH = path;
});

/** Scores a canary as the coordinator does: its record first, then unscored.json is removed. */
async function score(folder: string): Promise<RunRecord> {
  const { attempt } = (await readUnscored(folder)).record;
  const record = { ...madeUpRecord({ correct, attempt }), folder };
  await writeRecord(folder, record);
  await removeUnscored(folder);
  return record;
}
/** Another call of the coordinator. */
const call = (finish = score) =>
  createSlurmCanary(
    {
      ...{ archive: '/canary.tar.gz', terms, every: 20, outFolder: out, finish },
      band: { accuracy: { low: 0.8, high: 0.9 }, imagesPerSecond: null },
      warn: () => {},
    },
    sandbox.kind,
    evaluator,
  );
/** Leaves what a node leaves of a canary. @returns its folder */
async function leaveCanary(attempt: number): Promise<string> {
  const start = { archiveSha256, track, seed, limits: made.limits, sandbox: { kind: sandbox.kind } };
  const folder = await issueCanary(out, 'n1', { ...start, attempt });
  const result = join(folder, 'result');
  await mkdir(result);
  await writeFile(join(result, 'train.log'), 'said');
  await writeUnscored({ ...madeUpRecord({ attempt }), score: null, folder: result }, null);
  return folder;
}
/** Makes a run of a job that follows a canary of the node. */
async function runAfter(number: number, attempt: number): Promise<void> {
  const folder = join(out, 'runs/job', `attempt-${attempt}`);
  await mkdir(folder, { recursive: true });
  await writeRecord(folder, { ...madeUpRecord({ attempt }), folder });
  await writeCanaryMark(folder, { node: 'n1', number });
}
/** What is decided: the judgements, the attempts that do not count, and what Slurm was told. */
async function decided() {
  const judgements = await readJudgements(out);
  const attempts = await readAttempts(join(out, 'runs/job'), terms, { mostDisturbance: 1 });
  return {
    judgements: judgements.map(({ at: _, ...judgement }) => judgement),
    voided: withoutVoided(attempts, judgements)
      .all.filter(({ voidBecause }) => voidBecause === 'canary')
      .map(({ number }) => number),
    drained: slurm.drained(),
  };
}
const because = 'its canary scored 50.00 %, expected 80.00 % to 90.00 %';
const expected = {
  judgements: [
    expect.objectContaining({ node: 'n1', number: 1, found: 'good', because: null, done: null }),
    expect.objectContaining({ node: 'n1', number: 2, found: 'bad', because, done: 'drained' }),
  ],
  voided: [1, 2],
  drained: [`update NodeName=n1 State=DRAIN Reason=haet: ${because}`],
};

describe('the same command decides the same, and drains the node once, when the coordinator is killed', () => {
  /** What a coordinator that was killed there has done with the folder of the canary. */
  const kills: Readonly<Record<string, (folder: string) => Promise<unknown>>> = {
    'before it sees the canary': async () => {},
    'while it takes the result in': (folder) =>
      rename(join(folder, 'result/train.log'), join(folder, 'train.log')),
    'before the canary is scored': () => call(() => Promise.reject(new Error('killed'))).judge(),
    'after its record is written, before unscored.json is removed': async (folder) => {
      await rename(join(folder, 'result/unscored.json'), join(folder, 'unscored.json'));
      await writeRecord(folder, { ...madeUpRecord({ correct, attempt: 2 }), folder });
    },
    'after the node is drained, before that is noted': async () => {
      // The log cannot be written any more, so the call ends there.
      const log = join(out, 'canaries.jsonl');
      await slurm.onDrain(`mv '${log}' '${log}.aside' && mkdir '${log}'`);
      await expect(call().judge()).rejects.toThrow('canaries.jsonl');
      expect(slurm.drained()).toHaveLength(1);
      await rm(log, { recursive: true });
      await rename(`${log}.aside`, log);
      await slurm.onDrain('');
    },
    'after it is noted, before runs are void': () => call().judge(),
  };
  test.each(Object.keys(kills))('%s', async (when) => {
    await leaveCanary(1);
    correct = 850;
    await call().judge();
    correct = 500;
    await runAfter(1, 1);
    const folder = await leaveCanary(2);
    await runAfter(2, 2);
    await kills[when]!(folder);
    await call().judge();
    expect(await decided()).toEqual(expected);
    expect(await call().judge()).toEqual([]);
    expect(await decided()).toEqual(expected);
  });
});

test('a canary whose task was killed with it decides nothing', async () => {
  const start = { archiveSha256, track, seed, limits: made.limits, sandbox: { kind: sandbox.kind } };
  await issueCanary(out, 'n1', { ...start, attempt: 1 });
  expect(await call().judge()).toEqual([]);
  expect(await decided()).toEqual({ judgements: [], voided: [], drained: [] });
});

test('a node that was returned after it was drained is drained again for a new canary, and only then', async () => {
  await leaveCanary(1);
  await call().judge();
  await slurm.onDrain('');
  await leaveCanary(2);
  correct = 400;
  await call().judge();
  expect(slurm.drained().map((words) => /scored [\d.]+/.exec(words)?.[0])).toEqual([
    'scored 50.00',
    'scored 40.00',
  ]);
});
