import { readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { packEntry } from '../../../evaluator/archive/packEntry.ts';
import { type GradePlan, gradeArchives } from '../../../evaluator/grade/gradeArchives.ts';
import { listArchives } from '../../../evaluator/grade/listArchives.ts';
import { openRunTrack, type RunTrack } from '../../../evaluator/runTrack.ts';
import { createProcessSandbox } from '../../../evaluator/sandbox/process.ts';
import type { Sandbox } from '../../../evaluator/sandbox/sandbox.ts';
import { machine, makeEntry, makeTinyTrack, temporaryFolder } from '../fixtures.ts';

let folder: string;
let archives: string;
let track: RunTrack;
let outFolder: string;
let works: Sandbox;
beforeAll(async () => {
  folder = await temporaryFolder();
  track = await openRunTrack((await makeTinyTrack(folder)).dir);
  works = await createProcessSandbox();
  archives = await mkdtemp(join(folder, 'archives-'));
  await packEntry(await makeEntry(folder), join(archives, 'a.tar.gz'));
});
beforeEach(async () => {
  outFolder = await mkdtemp(join(folder, 'out-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A machine that fails so many times before it works. */
function failing(times: number): Sandbox {
  let left = times;
  return {
    ...works,
    start: (spec) => (left-- > 0 ? Promise.reject(new Error('no memory for a fork')) : works.start(spec)),
  };
}

async function grade(sandbox: Sandbox, abort = new AbortController(), change: Partial<GradePlan> = {}) {
  const said: string[] = [];
  const plan: GradePlan = {
    ...(await listArchives(archives)),
    track,
    outFolder,
    seeds: [1],
    trainSeconds: 20,
    predictSeconds: 20,
    retries: 2,
    machine,
    ...change,
  };
  const { standing, open } = await gradeArchives(plan, sandbox, {
    abort: abort.signal,
    warn: (sentence) => said.push(sentence),
    starts: () => said.push('starts'),
    ended: (_, record, earlier) => said.push(`${record.verdict}${earlier ? ' earlier' : ''}`),
  });
  return { rows: standing.rows, open, said };
}

const runs = () =>
  readdirSync(join(outFolder, 'runs')).flatMap((job) => readdirSync(join(outFolder, 'runs', job)));
const fault = 'INFRA_FAULT: the evaluator failed: no memory for a fork';

test('a fault of the machine is repeated, and what comes of it counts; every run is kept', async () => {
  const { rows, open, said } = await grade(failing(2));
  expect(said).toEqual(['starts', fault, fault, 'SCORED']);
  expect({ open, rank: rows[0]!.rank, runs: rows[0]!.runs.length }).toEqual({ open: 0, rank: 1, runs: 1 });
  expect(runs()).toHaveLength(3);
});

test('it is repeated only so often within a call, and leaves the entry open for the next call', async () => {
  const { rows, open, said } = await grade(failing(100));
  expect(said).toEqual(['starts', fault, fault, fault, 'INFRA_FAULT']);
  expect({ open, rank: rows[0]!.rank, verdict: rows[0]!.verdict }).toEqual({
    open: 1,
    rank: null,
    verdict: 'INFRA_FAULT',
  });
  expect(runs()).toHaveLength(3);
  expect(await grade(works)).toMatchObject({ open: 0, said: ['starts', 'SCORED'], rows: [{ rank: 1 }] });
  expect(await grade(works)).toMatchObject({ open: 0, said: ['SCORED earlier'] });
});

test('what is stopped before it began runs nothing, and shows all as to be run', async () => {
  const abort = new AbortController();
  abort.abort();
  const { rows, open, said } = await grade(works, abort);
  expect({ open, said, verdict: rows[0]!.verdict }).toEqual({ open: 1, said: [], verdict: null });
  expect(readdirSync(outFolder).sort()).toEqual(['leaderboard.csv', 'leaderboard.json', 'leaderboard.md']);
});

test('a record made with other CPUs counts where none are asked for, and does not where some are', async () => {
  await grade(works);
  const elsewhere = { machine: { ...machine, cores: 2 } };
  expect((await grade(works, undefined, elsewhere)).said).toEqual(['SCORED earlier']);
  expect((await grade(works, undefined, { ...elsewhere, cpus: 2 })).said).toEqual(['starts', 'SCORED']);
});
