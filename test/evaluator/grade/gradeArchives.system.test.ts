import { createPublicKey, type KeyObject } from 'node:crypto';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { makeIdentity } from '../../../datasets/sealing/makeIdentity.ts';
import { readIdentity } from '../../../datasets/sealing/readIdentity.ts';
import { packEntry } from '../../../evaluator/archive/packEntry.ts';
import { type Attestor, createAttestor } from '../../../evaluator/attest/createAttestor.ts';
import { deriveSigningKey } from '../../../evaluator/attest/signingKey.ts';
import { verifyRecord } from '../../../evaluator/attest/verifyRecord.ts';
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

async function grade(
  sandbox: Sandbox,
  abort = new AbortController(),
  change: Partial<GradePlan> = {},
  attestor?: Attestor,
) {
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
    ...(attestor && { attestor }),
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
  expect(readdirSync(join(outFolder, 'public')).sort()).toEqual([
    'leaderboard.csv',
    'leaderboard.json',
    'leaderboard.md',
  ]);
  expect(statSync(join(outFolder, 'runs')).mode & 0o777).toBe(0o700);
});

test('a record made with other CPUs counts where none are asked for, and does not where some are', async () => {
  await grade(works);
  const elsewhere = { machine: { ...machine, cores: 2 } };
  expect((await grade(works, undefined, elsewhere)).said).toEqual(['SCORED earlier']);
  expect((await grade(works, undefined, { ...elsewhere, cpus: 2 })).said).toEqual(['starts', 'SCORED']);
});

describe('with the key of the organizer', () => {
  let attestor: Attestor;
  let key: KeyObject;
  let strangers: Attestor;
  beforeAll(async () => {
    const identity = join(folder, 'identity.txt');
    await makeIdentity(identity);
    key = createPublicKey(deriveSigningKey(await readIdentity(identity)));
    attestor = createAttestor(identity);
    const other = join(folder, 'other.txt');
    await makeIdentity(other);
    strangers = createAttestor(other);
  });
  const signing = (by: Attestor = attestor, sandbox = works) => grade(sandbox, undefined, {}, by);
  const pathOf = (run: number, file: string) => {
    const [job] = readdirSync(join(outFolder, 'runs'));
    return join(outFolder, 'runs', job!, runs().sort()[run]!, file);
  };

  test('a run is signed as it ends, and what is signed is not run again', async () => {
    expect(await signing()).toMatchObject({ open: 0, said: ['starts', 'SCORED'] });
    const { official } = await verifyRecord(await readFile(pathOf(0, 'record.jws')), { key });
    expect(official!.record).toEqual(JSON.parse(await readFile(pathOf(0, 'record.json'), 'utf8')));
    expect(await signing()).toMatchObject({ open: 0, said: ['SCORED earlier'] });
  });

  test('a record from earlier that was not signed does not count, and never is signed', async () => {
    await grade(works);
    const { open, said, rows } = await signing();
    expect(said).toEqual([
      expect.stringMatching(/: it has no record\.jws\. It does not count\.$/),
      'starts',
      'SCORED',
    ]);
    expect({ open, job: rows[0]!.runs[0]!.job }).toEqual({ open: 0, job: basename(dirname(pathOf(0, ''))) });
    expect([0, 1].map((run) => existsSync(pathOf(run, 'record.jws')))).toEqual([false, true]);
  });

  test('nor does one that somebody else signed, or whose record.json was changed since', async () => {
    await signing(strangers);
    expect((await signing()).said).toEqual([
      expect.stringMatching(/record\.jws does not hold: it names the signing key .* It does not count\.$/),
      'starts',
      'SCORED',
    ]);
    const changed = pathOf(1, 'record.json');
    const text = await readFile(changed, 'utf8');
    await writeFile(changed, text.replace('"team": "tests"', '"team": "others"'));
    expect(await readFile(changed, 'utf8')).not.toBe(text);
    const { said } = await signing();
    expect(said).toContain('starts');
    expect(said[1]).toMatch(/its record\.jws is not that of its record\.json\. It does not count\.$/);
  });

  test('the signature of another run is worth nothing', async () => {
    await signing();
    await grade(works, undefined, { trainSeconds: 19 });
    await copyFile(pathOf(0, 'record.jws'), pathOf(1, 'record.jws'));
    const { said } = await grade(works, undefined, { trainSeconds: 19 }, attestor);
    expect(said.slice(1)).toEqual(['starts', 'SCORED']);
  });

  test('a run that could not be signed leaves its job open, for the next call to run again', async () => {
    const sign = () => Promise.reject(new Error('the key is gone'));
    const { open, rows, said } = await signing({ ...attestor, sign });
    expect(said).toEqual([
      'starts',
      expect.stringMatching(/could not be signed, and does not count: the key is gone$/),
      'SCORED',
    ]);
    expect({ open, rank: rows[0]!.rank, verdict: rows[0]!.verdict }).toEqual({
      open: 1,
      rank: null,
      verdict: null,
    });
    expect(await signing()).toMatchObject({ open: 0, rows: [{ rank: 1 }] });
    expect(runs()).toHaveLength(2);
  });

  test('a run that a person stopped is not signed', async () => {
    const abort = new AbortController();
    const stops: Sandbox = {
      ...works,
      start: async (spec) => {
        const stage = await works.start({ ...spec, argv: ['sleep', '20'] });
        abort.abort();
        return stage;
      },
    };
    const { open, said } = await grade(stops, abort, {}, attestor);
    expect({ open, said }).toEqual({ open: 1, said: ['starts', 'ABORTED'] });
    expect(existsSync(pathOf(0, 'record.json'))).toBe(true);
    expect(existsSync(pathOf(0, 'record.jws'))).toBe(false);
  });
});
