import { execFileSync } from 'node:child_process';
import { createPublicKey, type KeyObject } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { formatNpy } from '../../../datasets/npy.ts';
import { decrypt } from '../../../datasets/sealing/age.ts';
import { makeIdentity } from '../../../datasets/sealing/makeIdentity.ts';
import { readIdentity } from '../../../datasets/sealing/readIdentity.ts';
import { sha256 } from '../../../datasets/sha256.ts';
import { UserError } from '../../../datasets/userError.ts';
import { type Attestor, createAttestor } from '../../../evaluator/attest/attestor.ts';
import { findRecordFiles, readHead } from '../../../evaluator/attest/chain.ts';
import { deriveSigningKey } from '../../../evaluator/attest/signingKey.ts';
import { writeOfficialRecord } from '../../../evaluator/attest/signRun.ts';
import { chainFault, signedAttemptsOf } from '../../../evaluator/attest/verifyChain.ts';
import { verifyRecord } from '../../../evaluator/attest/verifyRecord.ts';
import { exportBundle } from '../../../evaluator/grade/bundle/exportBundle.ts';
import { verifyBundle } from '../../../evaluator/grade/bundle/verifyBundle.ts';
import { formatCsv } from '../../../evaluator/grade/csv.ts';
import { type GradePlan, gradeArchives } from '../../../evaluator/grade/gradeArchives.ts';
import { issueAttempt } from '../../../evaluator/grade/issued.ts';
import { listArchives } from '../../../evaluator/grade/listArchives.ts';
import { createLocalExecutor, type Slot } from '../../../evaluator/grade/localExecutor.ts';
import {
  compareRejudging,
  endRejudging,
  startRejudging,
} from '../../../evaluator/grade/rejudging/rejudge.ts';
import { shareGpus } from '../../../evaluator/grade/shareGpus.ts';
import { packEntry } from '../../../evaluator/intake/packEntry.ts';
import type { RunRecord } from '../../../evaluator/run/record.ts';
import { runStartSchema } from '../../../evaluator/run/runFolder.ts';
import { openRunTrack, type RunTrack } from '../../../evaluator/run/runTrack.ts';
import { usableCpus } from '../../../evaluator/sandbox/linux/cpuSet.ts';
import { createProcessSandbox } from '../../../evaluator/sandbox/process/process.ts';
import type { Sandbox } from '../../../evaluator/sandbox/sandbox.ts';
import { scoreRun } from '../../../evaluator/score/scoreRun.ts';
import { allHeld, machine, makeEntry, makeTinyTrack, predictsByImage, temporaryFolder } from '../fixtures.ts';
import { sealedTiny } from '../sealedTiny.ts';

let folder: string;
let archives: string;
let track: RunTrack;
let outFolder: string;
let works: Sandbox;
beforeAll(async () => {
  folder = await temporaryFolder();
  track = await openRunTrack((await makeTinyTrack(folder)).dir);
  // Stands in for a sandbox that enforces limits: only its runs are signed.
  works = { ...(await createProcessSandbox()), holds: allHeld };
  archives = await mkdtemp(join(folder, 'archives-'));
  await packEntry(await makeEntry(folder), join(archives, 'a.tar.gz'));
});
beforeEach(async () => {
  outFolder = await mkdtemp(join(folder, 'out-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A machine that fails a given number of times before it works. */
function failing(times: number): Sandbox {
  let left = times;
  return {
    ...works,
    start: (spec) => (left-- > 0 ? Promise.reject(new Error('no memory for a fork')) : works.start(spec)),
  };
}

/** The facts of a record that are known before its run starts. */
const pickStart = ({ attempt, archiveSha256, track: info, seed, limits, sandbox }: RunRecord) => ({
  ...{ attempt, archiveSha256, track: info, seed, limits },
  sandbox: { kind: sandbox.kind },
});

type Change = { -readonly [Key in keyof GradePlan]?: Exclude<GradePlan[Key], undefined> };

/** Returns predictions.npy with a given number of correct rows: the labels of the tiny Track are 0, 1, ... 9, 0, ... */
function predictionsWith(right: number): Uint8Array {
  const scores = new Float32Array(10_000);
  for (let row = 0; row < 1000; row++) scores[row * 10 + ((row < right ? row : row + 1) % 10)] = 1;
  return formatNpy('float32', scores, [1000, 10]);
}

/** Returns a command that first waits three seconds, while another program keeps a CPU busy. */
function besideWork(argv: readonly string[]): [string, ...string[]] {
  // Its parent ends at once, so it is not a descendant of this process.
  execFileSync('sh', ['-c', 'setsid timeout 4 sh -c "while :; do :; done" >/dev/null 2>&1 &']);
  return ['sh', '-c', 'sleep 3; exec "$@"', 'sh', ...argv];
}

async function grade(
  sandbox: Sandbox,
  abort = new AbortController(),
  change: Change = {},
  attestor?: Attestor,
  slots?: readonly Slot[],
) {
  const said: string[] = [];
  const records: RunRecord[] = [];
  const plan: GradePlan = {
    ...(await listArchives(archives)),
    track,
    outFolder,
    seeds: [1],
    trainSeconds: 20,
    predictSeconds: 20,
    processes: 1024,
    retries: 1,
    mostDisturbance: 1,
    machine,
    ...change,
  };
  const { standing, open } = await gradeArchives(
    plan,
    createLocalExecutor(sandbox, slots ?? [{ cpuSet: null, track: plan.track }]),
    {
      abort: abort.signal,
      ...(attestor && { attestor }),
      warn: (sentence) => said.push(sentence),
      starts: () => said.push('starts'),
      ended: (_, record, earlier) => {
        records.push(record);
        said.push(`${record.verdict}${earlier ? ' earlier' : ''}`);
      },
    },
  );
  return { rows: standing.rows, open, said, records };
}

/**
 * Returns every run's folder, relative to the leaderboard's, in the order of creation: within a second, names are
 * random.
 */
const runs = () =>
  readdirSync(join(outFolder, 'runs'))
    .flatMap((job) => readdirSync(join(outFolder, 'runs', job)).map((run) => join('runs', job, run)))
    .sort((a, b) => statSync(join(outFolder, a)).birthtimeMs - statSync(join(outFolder, b)).birthtimeMs);
const fault =
  'a fault of the machine or the evaluator: INFRA_FAULT: the evaluator failed: no memory for a fork';
const faultReason = 'a fault of the machine or the evaluator';

test('a fault of the machine is repeated once, and the repeat counts; the first is listed with its reason', async () => {
  const { rows, open, said } = await grade(failing(1));
  expect(said).toEqual(['starts', fault, 'SCORED']);
  expect({ open, rank: rows[0]!.rank, runs: rows[0]!.runs.length }).toEqual({ open: 0, rank: 1, runs: 1 });
  expect(rows[0]).toMatchObject({
    repeats: [{ seed: 1, attempt: 1, verdict: 'INFRA_FAULT', reason: faultReason }],
    toDecide: [],
  });
  expect(runs()).toHaveLength(2);
  expect((await grade(works)).rows[0]!.repeats).toEqual(rows[0]!.repeats);
});

test('after the second fault a person decides: no call repeats it by itself, and another cause does not reset the count', async () => {
  const { rows, open, said } = await grade(failing(100));
  const ask = expect.stringMatching(
    /^a\.tar\.gz, seed 1: needs a decision, .*--repeat a\.tar\.gz:1 --because TEXT$/,
  );
  expect(said).toEqual(['starts', fault, fault, 'INFRA_FAULT', ask]);
  expect({ open, rank: rows[0]!.rank, verdict: rows[0]!.verdict, toDecide: rows[0]!.toDecide }).toEqual({
    open: 1,
    rank: null,
    verdict: 'INFRA_FAULT',
    toDecide: [1],
  });
  expect(runs()).toHaveLength(2);
  expect(await grade(works)).toMatchObject({ open: 1, said: [ask], rows: [{ toDecide: [1] }] });
  expect(runs()).toHaveLength(2);
});

test('a person can allow one more attempt, which is recorded and shown; not for a job that does not wait for a decision', async () => {
  await grade(failing(2));
  const repeat = { archive: 'a.tar.gz', seed: 1, because: 'the disk was mended' };
  const { rows, open, said } = await grade(failing(1), undefined, { repeat });
  expect({ open, faults: said.filter((each) => each === fault).length }).toEqual({ open: 1, faults: 1 });
  expect(rows[0]!.repeats.map((each) => each.attempt)).toEqual([1, 2, 3]);
  expect((await grade(works)).open).toBe(1);
  const again = await grade(works, undefined, { repeat: { ...repeat, seed: null, because: 'once more' } });
  expect(again).toMatchObject({
    open: 0,
    rows: [
      {
        rank: 1,
        decisions: [
          { seed: 1, because: 'the disk was mended', at: expect.any(String) },
          { seed: 1, because: 'once more' },
        ],
      },
    ],
  });
  expect(JSON.parse(readFileSync(join(outFolder, runs().at(-1)!, 'record.json'), 'utf8')).attempt).toBe(4);
  await expect(grade(works, undefined, { repeat })).rejects.toThrow('no such job needs a decision');
  await expect(grade(works, undefined, { repeat: { ...repeat, seed: 2 } })).rejects.toThrow(UserError);
});

test.each([100, 900])(
  'a disturbed run with %d of 1000 right is repeated; the first undisturbed one counts',
  async (right) => {
    const entry = await makeEntry(folder, await predictsByImage(track.dir, predictionsWith(right)));
    const place = await mkdtemp(join(folder, 'archives-'));
    await packEntry(entry, join(place, 'a.tar.gz'));
    const change = { ...(await listArchives(place)), mostDisturbance: 0.5, cpus: 1 };
    let runsMade = 0;
    const beside: Sandbox = {
      ...works,
      start: async (spec) => {
        if (spec.progress) runsMade += 1;
        if (spec.progress && runsMade === 1) return works.start({ ...spec, argv: besideWork(spec.argv) });
        return works.start(spec);
      },
    };
    const { rows, open, said } = await grade(beside, undefined, change);
    expect(said).toEqual(['starts', expect.stringMatching(/^disturbed by other work/), 'SCORED']);
    expect({ open, runs: runs().length }).toEqual({ open: 0, runs: 2 });
    expect(rows[0]).toMatchObject({
      accuracy: right / 1000,
      repeats: [
        { attempt: 1, verdict: 'SCORED', reason: expect.stringMatching(/^disturbed .*% of the CPUs\)$/) },
      ],
    });
  },
);

test('a stop before the first run runs nothing', async () => {
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

test('a record made with other CPUs counts if none are requested, and does not count if some are', async () => {
  await grade(works);
  const elsewhere = { machine: { ...machine, cores: 2 } };
  expect((await grade(works, undefined, elsewhere)).said).toEqual(['SCORED earlier']);
  expect((await grade(works, undefined, { ...elsewhere, cpus: 2 })).said).toEqual(['starts', 'SCORED']);
});

test('two jobs run at once, each on a CPU of its own and with a GPU of its own', async () => {
  const [first, second] = usableCpus();
  const place = await mkdtemp(join(folder, 'meeting-'));
  // Each waits for the other, and fails if it stays alone.
  const train = [
    `sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/self/status > ${place}/$HAET_SEED`,
    `echo "$CUDA_VISIBLE_DEVICES" > ${place}/gpu-$HAET_SEED`,
    `until [ -e ${place}/$((3 - HAET_SEED)) ]; do sleep 0.05; done`,
    'echo weights > "$HAET_OUT_DIR/model"',
  ].join('\n');
  await packEntry(await makeEntry(folder, { train }), join(archives, 'meet.tar.gz'));
  const gpus = ['GPU-1', 'GPU-2'].map((uuid) => ({ uuid, model: 'L4', device: '/dev/nvidia0' }));
  const { shares } = shareGpus(2, undefined, false, gpus);
  const slots = [first!, second!].map(async ({ cpu }, at) => ({
    cpuSet: [cpu],
    gpus: shares[at],
    track: await openRunTrack(track.dir),
  }));
  const { archives: listed } = await listArchives(archives);
  const meeting = { archives: listed.filter(({ file }) => file === 'meet.tar.gz'), seeds: [1, 2] };
  const { open, said, records } = await grade(works, undefined, meeting, undefined, await Promise.all(slots));
  await rm(join(archives, 'meet.tar.gz'));
  expect({ open, said }).toEqual({ open: 0, said: ['starts', 'starts', 'SCORED', 'SCORED'] });
  const written = (name: string) => readFileSync(join(place, name), 'latin1').trim();
  expect(['gpu-1', 'gpu-2'].map(written).sort()).toEqual(['GPU-1', 'GPU-2']);
  for (const { seed, gpus: recorded } of records) {
    expect(recorded).toEqual([{ uuid: written(`gpu-${seed}`), model: 'L4' }]);
  }
  const used = ['1', '2'].map(written);
  expect(used.sort()).toEqual([String(first!.cpu), String(second!.cpu)].sort());
});

test('an attempt that was given to a cluster and has not ended is neither run here nor cleared away', async () => {
  await grade(works);
  const [run] = runs();
  const job = join(outFolder, dirname(run!));
  const record = JSON.parse(await readFile(join(outFolder, run!, 'record.json'), 'utf8'));
  await rm(join(outFolder, run!), { recursive: true });
  const issued = await issueAttempt(job, runStartSchema.parse(pickStart(record)));
  await expect(grade(works)).rejects.toThrow(
    `${issued}: is an attempt that was given to Slurm and has not ended. Grade with --executor slurm`,
  );
  expect(readdirSync(issued).sort()).toEqual(['issued.json', 'start.json']);
  expect(basename(await issueAttempt(job, runStartSchema.parse(pickStart(record))))).toBe('attempt-2');
});

describe('with the key of the organizer', () => {
  let attestor: Attestor;
  let key: KeyObject;
  let sealed: RunTrack;
  let given: { readonly track: string; readonly identity: string };
  beforeAll(async () => {
    const made = await sealedTiny(await mkdtemp(join(folder, 'sealed-')));
    sealed = await openRunTrack(made.dir, made.imagesKey);
    given = { track: made.dir, identity: made.identity };
    key = createPublicKey(deriveSigningKey(await readIdentity(made.identity)));
  });
  beforeEach(() => {
    attestor = createAttestor(key, (run) => scoreRun(run, { ...given, chain: outFolder }));
  });
  const signing = (by: Attestor = attestor, sandbox = works) =>
    grade(sandbox, undefined, { track: sealed }, by);
  const pathOf = (run: number, file: string) => join(outFolder, runs()[run]!, file);

  test('a run is signed when it ends, and signed runs are not repeated', async () => {
    expect(await signing()).toMatchObject({ open: 0, said: ['starts', 'SCORED'] });
    const { official } = await verifyRecord(await readFile(pathOf(0, 'record.jws')), { key });
    expect(official!.record).toEqual(JSON.parse(await readFile(pathOf(0, 'record.json'), 'utf8')));
    expect(await signing()).toMatchObject({ open: 0, said: ['SCORED earlier'] });
  });

  test('only the accuracy of a score is published', async () => {
    await signing();
    const { official } = await verifyRecord(await readFile(pathOf(0, 'record.jws')), { key });
    const { score } = official!.record;
    expect(score).toEqual({
      correct: expect.any(Number),
      total: 1000,
      accuracy: score!.correct / 1000,
      wilson95: expect.anything(),
      details: null,
    });
    const path = pathOf(0, 'score-details.json.age');
    const opened = await decrypt(path, await readFile(path), await readIdentity(given.identity));
    expect(opened.length % 2 ** 16).toBe(0);
    expect(JSON.parse(Buffer.from(opened).toString()).details.confusion).toHaveLength(10);
  });

  test('an unsigned record of an earlier call does not count and is never signed', async () => {
    await signing();
    await rm(pathOf(0, 'record.jws'));
    const { open, said, rows } = await signing();
    expect(said).toEqual([
      expect.stringMatching(/: it has no record\.jws\. It does not count\.$/),
      'starts',
      'SCORED',
    ]);
    expect({ open, job: rows[0]!.runs[0]!.job }).toEqual({ open: 0, job: basename(dirname(pathOf(0, ''))) });
    expect([0, 1].map((run) => existsSync(pathOf(run, 'record.jws')))).toEqual([false, true]);
  });

  test('a record that somebody else signed, or whose record.json was changed, does not count', async () => {
    await signing();
    const stranger = join(outFolder, 'stranger.txt');
    await makeIdentity(stranger, 'a test');
    const record = JSON.parse(await readFile(pathOf(0, 'record.json'), 'utf8'));
    const strangers = deriveSigningKey(await readIdentity(stranger));
    await writeOfficialRecord(record, { image: null }, strangers, await mkdtemp(join(folder, 'elsewhere-')));
    expect((await signing()).said).toEqual([
      expect.stringMatching(/record\.jws does not hold: it was signed with the key .* It does not count\.$/),
      'starts',
      'SCORED',
    ]);
  });

  test('a signed record whose record.json was changed does not count', async () => {
    await signing();
    const changed = pathOf(0, 'record.json');
    const text = await readFile(changed, 'utf8');
    await writeFile(changed, text.replace('"team": "tests"', '"team": "others"'));
    expect(await readFile(changed, 'utf8')).not.toBe(text);
    const { said } = await signing();
    expect(said).toContain('starts');
    expect(said[0]).toMatch(/its record\.jws does not match its record\.json\. It does not count\.$/);
  });

  test('the signature of another run does not count', async () => {
    const shorter = { track: sealed, trainSeconds: 19 };
    await signing();
    await grade(works, undefined, shorter, attestor);
    await copyFile(pathOf(0, 'record.jws'), pathOf(1, 'record.jws'));
    const { said } = await grade(works, undefined, shorter, attestor);
    expect(said).toEqual([expect.stringContaining('does not match its record.json'), 'starts', 'SCORED']);
  });

  test('a run that could not be scored leaves its job open; the next call scores it, and runs nothing', async () => {
    const finish = () => Promise.reject(new Error('the key is gone'));
    const { open, rows, said } = await signing({ ...attestor, finish });
    expect(said).toEqual([
      'starts',
      expect.stringMatching(/could not be scored and signed, and does not count: the key is gone$/),
      'SCORED',
    ]);
    expect({ open, rank: rows[0]!.rank, verdict: rows[0]!.verdict }).toEqual({
      open: 1,
      rank: null,
      verdict: null,
    });
    expect(await signing()).toMatchObject({ open: 0, said: ['SCORED earlier'], rows: [{ rank: 1 }] });
    expect(runs()).toHaveLength(1);
  });

  test('a run that was repeated or that a person stopped is also signed, so that it is visible', async () => {
    const abort = new AbortController();
    const stops: Sandbox = {
      ...works,
      start: async (spec) => {
        const stage = await works.start({ ...spec, argv: ['sleep', '20'] });
        abort.abort();
        return stage;
      },
    };
    const { open, said } = await grade(stops, abort, { track: sealed }, attestor);
    expect({ open, said }).toEqual({ open: 1, said: ['starts', 'ABORTED'] });
    await signing(attestor, failing(1));
    const found = await Promise.all(
      (await findRecordFiles(outFolder)).map(async (path) => {
        const bytes = await readFile(path);
        const { official } = await verifyRecord(bytes, { key });
        return { path, sha256: sha256(bytes), official: official! };
      }),
    );
    expect(chainFault(found, readHead(outFolder)!.sha256!)).toBeNull();
    expect(
      signedAttemptsOf(found).map(({ runs }) => runs.map(({ number, verdict }) => [number, verdict])),
    ).toEqual([
      [
        [1, 'ABORTED'],
        [2, 'INFRA_FAULT'],
        [3, 'SCORED'],
      ],
    ]);
  });
});

test('a rejudging is run by the next call, with retries of its own, and changes nothing until it is applied', async () => {
  const first = (await grade(failing(1))).rows[0]!;
  await startRejudging(outFolder, { files: ['a*'], seeds: [], verdicts: [] }, 'a new disk');
  const { rows, open, said } = await grade(failing(1));
  expect(said).toEqual(['starts', fault, 'SCORED']);
  expect({ open, row: rows[0] }).toEqual({ open: 0, row: first });
  expect(runs()).toHaveLength(4);
  expect((await grade(works)).said).toEqual(['SCORED earlier']);
  expect(await compareRejudging(outFolder)).toMatchObject({ missing: 0, changes: [{ seed: 1 }] });
  await endRejudging(outFolder, 'apply');
  const applied = (await grade(works)).rows[0]!;
  expect(applied.repeats.map(({ attempt, reason }) => [attempt, reason])).toEqual([
    [1, 'replaced by a rejudging'],
    [2, 'replaced by a rejudging'],
    [3, faultReason],
  ]);
  expect(runs()).toHaveLength(4);
});

test('a rejudging whose evaluator died is taken up by the next call; one on other terms is left alone', async () => {
  await grade(works);
  await startRejudging(outFolder, { files: ['a*'], seeds: [], verdicts: [] }, 'a new disk');
  const others = await grade(works, undefined, { trainSeconds: 19 });
  expect(others.said).toEqual([
    expect.stringMatching(/^Rejudging 1 is open, but for other archives, seeds or terms/),
    'starts',
    'SCORED',
  ]);
  const killed = join(outFolder, dirname(runs()[0]!), '2026-killed');
  await mkdir(killed);
  const record = JSON.parse(await readFile(join(outFolder, runs()[0]!, 'record.json'), 'utf8'));
  const { archiveSha256, track: info, seed, limits, sandbox } = record;
  const start = { attempt: 2, archiveSha256, track: info, seed, limits, sandbox: { kind: sandbox.kind } };
  await writeFile(join(killed, 'start.json'), JSON.stringify(start));
  expect((await grade(works)).said).toEqual(['starts', 'SCORED']);
  await endRejudging(outFolder, 'apply');
  const { rows } = await grade(works);
  expect(rows[0]!.repeats.map(({ attempt }) => attempt)).toEqual([1, 2]);
});

test('the bundle of a grading verifies, also after an interrupted call', async () => {
  await grade(failing(1), undefined, { seeds: [1, 2], baselines: ['a.tar.gz'] });
  const receipts = [
    ['file', 'sha256', 'first_seen', 'intake'],
    ['a.tar.gz', sha256(await readFile(join(archives, 'a.tar.gz'))), new Date().toISOString(), 'accepted'],
  ];
  await writeFile(join(outFolder, 'receipts.csv'), formatCsv(receipts));
  const bundle = join(outFolder, 'records.tar.gz');
  await exportBundle(outFolder, bundle);
  expect((await verifyBundle(bundle, { key: null })).standing!.rows).toMatchObject([
    { archive: 'a.tar.gz', baseline: true, rank: null, runsScored: 2 },
  ]);
  const stop = new AbortController();
  const stops: Sandbox = {
    ...works,
    start: (spec) => {
      stop.abort();
      return works.start(spec);
    },
  };
  await grade(stops, stop, { seeds: [3, 4] });
  await exportBundle(outFolder, bundle);
  expect((await verifyBundle(bundle, { key: null })).standing!.runs).toEqual({ wanted: 2, done: 1 });
});
