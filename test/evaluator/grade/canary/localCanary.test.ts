import { readFileSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, beforeEach, expect, test } from '@jest/globals';
import { exportBundle } from '../../../../evaluator/grade/bundle/exportBundle.ts';
import { verifyBundle } from '../../../../evaluator/grade/bundle/verifyBundle.ts';
import { withCanary } from '../../../../evaluator/grade/canary/localCanary.ts';
import type { Executor } from '../../../../evaluator/grade/executor.ts';
import { type GradePlan, gradeArchives } from '../../../../evaluator/grade/gradeArchives.ts';
import { publicFolder } from '../../../../evaluator/grade/gradedFolders.ts';
import { addReceipts } from '../../../../evaluator/grade/receipts.ts';
import { archiveLimitsSchema } from '../../../../evaluator/intake/limits.ts';
import { writeCanaryMark } from '../../../../evaluator/run/canaryMark.ts';
import type { RunRecord } from '../../../../evaluator/run/record.ts';
import { writeRecord, writeStart } from '../../../../evaluator/run/runFolder.ts';
import type { RunTrack } from '../../../../evaluator/run/runTrack.ts';
import { machine, temporaryFolder } from '../../fixtures.ts';
import { hash, madeUpRecord } from '../madeUpRecord.ts';

let folder: string;
let track: RunTrack;
let out: string;
/** Correct answers of the canary, of 1000. */
let correct: number;
/** What was run, in order: `canary`, or the archive. */
let ran: string[];
/** Called as a run starts. */
let starts: (name: string) => void | Promise<void>;
const canaryHash = hash('c');
beforeAll(async () => {
  folder = await temporaryFolder();
  const info = madeUpRecord().track!;
  await writeFile(join(folder, 'track.json'), JSON.stringify(info));
  track = { dir: folder, info, withheld: { change: async () => null } } as unknown as RunTrack;
});
beforeEach(async () => {
  out = join(folder, `out-${Math.random()}`);
  await mkdir(out);
  [correct, ran, starts] = [850, [], () => {}];
});

/** An executor whose runs end at once, and leave what those of a sandbox leave. */
const executor: Executor = {
  sandbox: { kind: 'process' },
  jobs: 1,
  takesUp: false,
  async run({ plan, archiveSha256 }, abort) {
    const isCanary = archiveSha256 === canaryHash;
    const name = isCanary ? 'canary' : archiveSha256[0]!;
    ran.push(name);
    const run = join(plan.runsFolder, `run-${ran.length}-${Math.random()}`);
    const { attempt = 1, seed, limits } = plan;
    const made = madeUpRecord({ archiveSha256, seed, attempt, correct: isCanary ? correct : 700 });
    const record: RunRecord = {
      ...{ ...made, folder: run, track: track.info, limits: { ...made.limits, ...limits } },
      verdict: abort.aborted ? 'ABORTED' : 'SCORED',
    };
    await mkdir(run, { recursive: true });
    if (plan.canary !== undefined) await writeCanaryMark(run, plan.canary);
    const { sandbox } = record;
    await writeStart(run, {
      ...{ attempt, archiveSha256, track: track.info, seed, limits: record.limits },
      sandbox: { kind: sandbox.kind },
    });
    await starts(name);
    await writeRecord(run, record);
    return record;
  },
};

async function grade(names: string, every = 2) {
  const said: string[] = [];
  const outOfBand = new AbortController();
  const archives = [...names].map((name) => ({
    file: `${name}.tar`,
    path: `/${name}.tar`,
    sha256: hash(name),
  }));
  const limits = { trainSeconds: 600, predictSeconds: 60, processes: 1024 };
  const plan: GradePlan = {
    ...{ archives, track, outFolder: out, seeds: [1], ...limits, retries: 0, mostDisturbance: 1, machine },
  };
  const intake = archiveLimitsSchema.parse({});
  const terms = {
    archiveSha256: canaryHash,
    track: track.info,
    seed: 1,
    sandbox: 'process' as const,
    intake,
    limits,
  };
  const warn = (sentence: string) => said.push(sentence);
  const canary = {
    ...{ archive: '/canary.tar', terms, every, outFolder: out, warn },
    band: { accuracy: { low: 0.8, high: 0.9 }, imagesPerSecond: null },
    finish: () => Promise.reject(new Error('is scored at once')),
  };
  const { standing, open } = await gradeArchives(
    plan,
    withCanary(executor, canary, () => outOfBand.abort(), 'here'),
    { abort: outOfBand.signal, warn, starts: () => {}, ended: () => {} },
  );
  return { standing, open, said, stopped: outOfBand.signal.aborted };
}
const repeatsOf = ({ standing: { rows } }: Awaited<ReturnType<typeof grade>>) =>
  rows.flatMap(({ archive, repeats }) => repeats.map(({ attempt, reason }) => [archive, attempt, reason]));
const why = 'made between a canary that was good and one that was out of its band';

test('the canary runs first and again every K runs, also over several calls, and is not on the leaderboard', async () => {
  const first = await grade('abd');
  expect(ran).toEqual(['canary', 'a', 'b', 'canary', 'd']);
  expect(first.standing).toMatchObject({ canaries: [], runs: { wanted: 3, done: 3 } });
  expect(first.standing.rows.map(({ archive }) => archive)).toEqual(['a.tar', 'b.tar', 'd.tar']);
  const second = await grade('abdef');
  expect(ran.slice(5)).toEqual(['e', 'canary', 'f']);
  expect([first.open, second.open]).toEqual([0, 0]);
});

test('out of its band, grading stops; the runs since the last good canary are made again when it is called again', async () => {
  starts = (name) => {
    if (name === 'b') correct = 500;
  };
  const first = await grade('abdef');
  expect(ran).toEqual(['canary', 'a', 'b', 'canary']);
  expect(first).toMatchObject({ open: 5, stopped: true });
  expect(first.said.at(-1)).toBe(
    'Canary 2 on here is out of its band: its canary scored 50.00 %, expected 80.00 % to 90.00 %. Grading stops on this machine; run the same command again when it is mended. Runs there since the last good canary do not count and are made again.',
  );
  expect(repeatsOf(first)).toEqual([
    ['a.tar', 1, why],
    ['b.tar', 1, why],
  ]);
  const because = 'its canary scored 50.00 %, expected 80.00 % to 90.00 %';
  expect(first.standing.canaries).toMatchObject([
    { node: 'here', because, done: 'stopped', runs: 2, again: 0 },
  ]);
  [ran, correct] = [[], 850];
  starts = () => {};
  const second = await grade('abdef');
  expect(ran).toEqual(['canary', 'a', 'b', 'canary', 'd', 'e', 'canary', 'f']);
  expect(second).toMatchObject({ open: 0, stopped: false });
  expect(second.standing.canaries).toMatchObject([{ runs: 2, again: 2 }]);
  expect(repeatsOf(second)).toEqual(repeatsOf(first));
  expect(readFileSync(join(publicFolder(out), 'leaderboard.md'), 'utf8')).toContain(
    '2 runs there since its last good canary do not count; 2 of 2 have been made again.',
  );
});

test('a call that was killed during the canary has it run again, and one killed after it has it judged', async () => {
  const killed = new Error('killed');
  starts = (name) => Promise.reject(name === 'canary' ? killed : new Error(name));
  await expect(grade('a')).rejects.toThrow('killed');
  starts = (name) => {
    // The canary has ended, but this call does not come to judging it.
    if (name === 'canary') return writeFile(join(out, 'canaries.jsonl'), 'no judgement\n');
  };
  await expect(grade('a')).rejects.toThrow('canaries.jsonl, line 1: is not a judgement');
  await rm(join(out, 'canaries.jsonl'));
  starts = () => {};
  expect(await grade('a')).toMatchObject({ open: 0 });
  expect(ran).toEqual(['canary', 'canary', 'a']);
});

test('the bundle of a grading holds the canaries, and a changed judgement is found', async () => {
  starts = (name) => {
    if (name === 'a') correct = 500;
  };
  await grade('ab', 1);
  const file = join(folder, 'archives/a.tar');
  await mkdir(join(folder, 'archives'), { recursive: true });
  await writeFile(file, '');
  const archives = [...'ab'].map((name) => ({ file: `${name}.tar`, path: file, sha256: hash(name) }));
  await addReceipts(out, join(folder, 'archives'), { archives, leftOut: [] }, archiveLimitsSchema.parse({}));
  const bundle = join(folder, 'bundle.tar.gz');
  const { files } = await exportBundle(out, bundle);
  expect(files.filter((each) => each.includes('canar'))).toEqual([
    'canaries.jsonl',
    expect.stringMatching(/^runs\/[^/]+-s1\/run-.*\/canary\.json$/),
    expect.stringMatching(/^runs\/canary-here\/run-.*\/record\.json$/),
    expect.stringMatching(/^runs\/canary-here\/run-.*\/record\.json$/),
  ]);
  const { holds, checks } = await verifyBundle(bundle, { key: null });
  expect({ holds, says: checks.find(({ name }) => name === 'canaries')?.says }).toEqual({
    holds: true,
    says: '2 canaries were judged by their records and bands',
  });
  const log = join(out, 'canaries.jsonl');
  await writeFile(
    log,
    readFileSync(log, 'utf8')
      .replace('"bad"', '"good"')
      .replace(/"because":"[^"]+"/, '"because":null'),
  );
  await expect(exportBundle(out, bundle)).rejects.toThrow(
    'canary 2 on here was judged good, which does not follow',
  );
});
