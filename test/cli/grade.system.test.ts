import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Standing } from '../../evaluator/grade/standing.ts';
import { packEntry } from '../../evaluator/intake/packEntry.ts';
import { lockMachine } from '../../evaluator/machine/machineLock.ts';
import {
  constantPredictions,
  type EntryScripts,
  folderWithTrack,
  makeEntry,
  makeTinyTrack,
  predictsByImage,
  processesWith,
  uniqueSeconds,
} from '../evaluator/fixtures.ts';
import { tarBytes } from '../evaluator/intake/tarBytes.ts';

const haet = resolve('cli/bin.mjs');

let folder: string;
let trackDir: string;
/** Archives and output of a test. */
let archives: string;
let out: string;
beforeAll(async () => {
  ({ folder, trackDir } = await folderWithTrack());
});
beforeEach(async () => {
  const place = await mkdtemp(join(folder, 'grading-'));
  archives = join(place, 'archives');
  out = join(place, 'out');
  await mkdir(archives);
});

async function put(file: string, name: string, scripts: EntryScripts = {}): Promise<void> {
  const manifest = { name, ...scripts.manifest };
  await packEntry(await makeEntry(folder, { ...scripts, manifest }), join(archives, file));
}

const putBad = (file: string) =>
  writeFile(
    join(archives, file),
    tarBytes(
      { path: 'haet.json', data: '{}' },
      { path: 'answers', type: 'SymbolicLink', linkpath: '/etc/passwd' },
    ),
  );

interface Grading {
  readonly child: ChildProcess;
  readonly ended: Promise<{ code: number | null; stdout: string; stderr: string }>;
}

/** Starts `haet grade`. */
function start(...words: string[]): Grading {
  return startHaet([
    ...['grade', archives, '--track', trackDir, '--out', out, '--budget', '20'],
    ...(words.includes('--sandbox') ? [] : ['--trusted']),
    // These runs are shorter than one check of the machine's load, and other work does not matter to them.
    ...['--wait-for-quiet', '0', '--most-disturbance', '100', ...words],
  ]);
}

/** Starts `haet` as the leader of a process group, as a shell does. */
function startHaet(words: readonly string[]): Grading {
  const child = spawn(process.execPath, [haet, ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const said = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream]!.on('data', (chunk) => {
      said[stream] += chunk;
    });
  }
  const ended = new Promise<Awaited<Grading['ended']>>((done) => {
    child.once('close', (code) => done({ code, ...said }));
  });
  return { child, ended };
}
const grade = (...words: string[]) => start(...words).ended;
const run = (...words: string[]) => startHaet(words).ended;

async function until(isSo: () => boolean): Promise<void> {
  for (let waited = 0; !isSo(); waited += 20) {
    if (waited > 20_000) throw new Error(`waited for 20 s: ${isSo}`);
    await sleep(20);
  }
}

const leaderboard = async (): Promise<Standing> =>
  JSON.parse(await readFile(join(out, 'public/leaderboard.json'), 'utf8'));
const leaderboardBytes = () =>
  Promise.all(
    ['md', 'csv', 'json'].map((ending) => readFile(join(out, `public/leaderboard.${ending}`), 'utf8')),
  );
/** Returns the folder of the first run of a job. */
const folderOf = (below: string, job: string): string =>
  join(below, 'runs', job, readdirSync(join(below, 'runs', job)).sort()[0]!);
/** Returns every run's folder, relative to `out`. */
const runs = () =>
  readdirSync(join(out, 'runs'))
    .flatMap((job) => readdirSync(join(out, 'runs', job)).map((run) => join('runs', job, run)))
    .sort();
const inBrief = ({ rows }: Standing) => rows.map(({ rank, archive, verdict }) => [rank, archive, verdict]);

test('a canary out of its band stops grading before the first run, and mended, the same command goes on', async () => {
  await put('a.tar.gz', 'A');
  const canary = join(archives, '../canary.tar.gz');
  await packEntry(await makeEntry(folder), canary);
  const first = await grade('--canary', canary, '--canary-accuracy', '50..');
  expect(first.code).toBe(30);
  const because = 'its canary scored 10.00 %, expected at least 50.00 %';
  expect(first.stderr).toContain(`is out of its band: ${because}. Grading stops on this machine`);
  expect(first.stderr).toContain('1 of 1 runs have no result yet. Run the same command again');
  expect(await leaderboard()).toMatchObject({
    rows: [{ archive: 'a.tar.gz', verdict: null }],
    canaries: [{ because, done: 'stopped', runs: 0, again: 0 }],
  });
  const second = await grade('--canary', canary, '--canary-accuracy', '5..15');
  expect({ code: second.code, stderr: second.stderr }).toMatchObject({ code: 0 });
  expect(await leaderboard()).toMatchObject({ rows: [{ archive: 'a.tar.gz', rank: 1, repeats: [] }] });
  const [job] = runs().filter((run) => !run.startsWith('runs/canary-'));
  const { evidence } = JSON.parse(await readFile(join(out, job!, 'record.json'), 'utf8'));
  expect(evidence.join()).toMatch(/ran after canary 2 of \S+/);
  const missing = await grade('--canary', 'none.tar.gz', '--canary-accuracy', '5..15');
  expect(missing).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('--canary none.tar.gz: does not exist'),
  });
}, 60_000);

describe('three archives, one of them good', () => {
  test('each get a verdict, a report and a place; a second call runs nothing and changes nothing', async () => {
    await put('a-crash.tar.gz', 'Crash | <b>', { train: 'echo no >&2; exit 3' });
    await putBad('b-bad.tar');
    await put('c-good.tar.gz', 'Good', { train: 'echo x > "$HAET_OUT_DIR/model"; echo "$HAET_SEED"' });
    await writeFile(join(archives, 'notes.txt'), '');

    const first = await grade('--json', '--seed', '5');
    expect(first.code).toBe(0);
    const standing: Standing = JSON.parse(first.stdout);
    expect(standing).toEqual(await leaderboard());
    expect(inBrief(standing)).toEqual([
      [1, 'c-good.tar.gz', 'SCORED'],
      [null, 'a-crash.tar.gz', 'CRASHED'],
      [null, 'b-bad.tar', 'REJECTED_ARCHIVE'],
    ]);
    expect(standing).toMatchObject({
      seeds: [5],
      limits: { trainSeconds: 20 },
      runs: { wanted: 3, done: 3 },
    });
    expect(standing.rows[0]).toMatchObject({ name: 'Good', team: 'tests', accuracy: 0.1 });
    expect(standing.rows[2]!.evidence[0]).toMatch(/^b-bad\.tar: member "answers" is a SymbolicLink/);
    for (const row of standing.rows) {
      const files = await readdir(folderOf(out, row.runs[0]!.job));
      expect(files).toEqual(expect.arrayContaining(['record.json', 'report.html']));
      expect(files).not.toContain('entry');
    }
    const lines = first.stderr.split('\n');
    expect(lines).toContain(
      'Left out: notes.txt (its name does not end in .tar, .tar.gz, .tgz or .zip; this is an empty file)',
    );
    expect(standing.leftOut).toMatchObject([{ file: 'notes.txt' }]);
    expect(lines.filter((line) => /^\[\d of 3\]/.test(line))).toEqual([
      '[1 of 3] a-crash.tar.gz, seed 5  starts',
      expect.stringMatching(/^\[1 of 3\] a-crash.tar.gz, seed 5 {2}CRASHED; train: .*exit status 3/),
      '[2 of 3] b-bad.tar, seed 5  starts',
      expect.stringMatching(/^\[2 of 3\] b-bad.tar, seed 5 {2}REJECTED_ARCHIVE; .*SymbolicLink/),
      '[3 of 3] c-good.tar.gz, seed 5  starts',
      expect.stringMatching(
        /^\[3 of 3\] c-good.tar.gz, seed 5 {2}SCORED {2}10.0 %, 95 % interval 8.3 to 12.0/,
      ),
    ]);

    const [bytes, folders] = [await leaderboardBytes(), runs()];
    const second = await grade('--seed', '5');
    expect(second.code).toBe(0);
    expect(second.stderr).not.toContain('starts');
    expect(second.stderr.match(/\(earlier\)/g)).toHaveLength(3);
    expect(second.stdout).toContain('   1  10.0 %  (8.3 to 12.0)');
    expect(await leaderboardBytes()).toEqual(bytes);
    expect(runs()).toEqual(folders);
  });
});

test('every archive is run with every seed; a seed that is added later is run alone', async () => {
  await put('a.tar.gz', 'Low');
  const better = new Float32Array(10_000);
  for (let row = 0; row < 1000; row++) better[row * 10 + (row < 500 ? row % 10 : 0)] = 1;
  const bytes = Buffer.from(constantPredictions(1000));
  Buffer.from(better.buffer).copy(bytes, bytes.length - 40_000);
  await put('b.tar.gz', 'High', await predictsByImage(trackDir, bytes));
  expect((await grade('--seeds', '2')).code).toBe(0);
  const { stderr } = await grade('--seeds', '3');
  expect(stderr.match(/starts$/gm)).toHaveLength(2);
  expect(stderr.match(/seed 3 {2}starts/g)).toHaveLength(2);
  const { rows } = await leaderboard();
  expect(rows).toMatchObject([
    { rank: 1, name: 'High', accuracy: 0.55, standardDeviation: 0, runsScored: 3, interval95: [0.55, 0.55] },
    { rank: 2, name: 'Low', accuracy: expect.closeTo(0.1), runsScored: 3, separatedFromAbove: true },
  ]);
  expect(rows[0]!.runs.map((run) => run.seed)).toEqual([1, 2, 3]);
});

test('archives with the same bytes are run once and each is listed', async () => {
  await put('a.tar.gz', 'One');
  await copyFile(join(archives, 'a.tar.gz'), join(archives, 'b.tar.gz'));
  const { stderr } = await grade();
  expect(stderr.match(/starts$/gm)).toHaveLength(1);
  const { rows } = await leaderboard();
  expect(rows.map(({ rank, archive, note }) => [rank, archive, note])).toEqual([
    [1, 'a.tar.gz', 'same bytes as b.tar.gz; run once'],
    [1, 'b.tar.gz', 'same bytes as a.tar.gz; run once'],
  ]);
});

test('a run with another budget is repeated', async () => {
  await put('a.tar.gz', 'One');
  await grade();
  expect((await grade('--budget', '19')).stderr.match(/starts$/gm)).toHaveLength(1);
  expect(await leaderboard()).toMatchObject({ limits: { trainSeconds: 19 }, runs: { wanted: 1, done: 1 } });
  expect(runs()).toHaveLength(2);
});

test.each<[string, (text: string) => string, string]>([
  ['torn', (text) => text.slice(0, text.length / 2), 'is not the record of a run'],
  [
    'made better',
    (text) => text.replace('"correct": 100,', '"correct": 990,'),
    'the accuracy is 0.1, but 990 of 1000 correct',
  ],
])('a record that was %s does not count, and the archive is run again', async (_, change, why) => {
  await put('a.tar.gz', 'One');
  await grade();
  const file = join(out, runs()[0]!, 'record.json');
  const text = await readFile(file, 'utf8');
  await writeFile(file, change(text));
  expect(await readFile(file, 'utf8')).not.toBe(text);
  const { code, stderr } = await grade();
  expect(code).toBe(0);
  expect(stderr).toContain(why);
  expect(stderr.match(/starts$/gm)).toHaveLength(1);
  expect((await leaderboard()).rows[0]).toMatchObject({ rank: 1, accuracy: 0.1 });
  expect((await grade()).stderr).not.toContain('starts');
});

test('a report that is missing is written again', async () => {
  await put('a.tar.gz', 'One');
  await grade();
  const report = join(out, runs()[0]!, 'report.html');
  await rm(report);
  expect((await grade()).stderr).not.toContain('starts');
  expect(existsSync(report)).toBe(true);
});

/**
 * Resolves once the running entry has saved its model and the evaluator has opened its progress. @returns the run's
 * folder
 */
async function saved(seconds: string): Promise<string> {
  await until(() => processesWith(seconds).length > 0);
  const inTraining = () =>
    runs().find(
      (run) =>
        !existsSync(join(out, run, 'record.json')) &&
        existsSync(join(out, run, 'progress.jsonl')) &&
        existsSync(join(out, run, 'model/model')),
    );
  await until(() => inTraining() !== undefined);
  return inTraining()!;
}

test('after kill -9 in the middle, the next call resumes and repeats nothing', async () => {
  const seconds = uniqueSeconds();
  const gate = join(folder, 'gate');
  await put('a.tar.gz', 'Before');
  await put('b.tar.gz', 'Killed', {
    train: `echo x > "$HAET_OUT_DIR/model"; [ -e ${gate} ] || sleep ${seconds}`,
  });
  await put('c.tar.gz', 'After');
  const first = start();
  const killed = await saved(seconds);
  expect(inBrief(await leaderboard())).toEqual([
    [1, 'a.tar.gz', 'SCORED'],
    [null, 'b.tar.gz', null],
    [null, 'c.tar.gz', null],
  ]);
  const [done] = runs().filter((run) => run !== killed);
  first.child.kill('SIGKILL');
  await first.ended;
  await until(() => processesWith(seconds).length === 0);

  await writeFile(gate, '');
  const second = await grade();
  expect(second.code).toBe(0);
  expect(second.stderr.match(/^.*starts$/gm)).toEqual([
    '[3 of 3] c.tar.gz, seed 1  starts',
    '[2 of 3] b.tar.gz, seed 1  starts',
  ]);
  expect((await leaderboard()).rows.map((row) => [row.rank, row.archive])).toEqual([
    [1, 'c.tar.gz'],
    [1, 'a.tar.gz'],
    [1, 'b.tar.gz'],
  ]);
  expect(runs()).toHaveLength(4);
  expect(runs()).toContain(done);
  expect(readdirSync(join(out, killed)).filter((name) => !name.endsWith('.log'))).toEqual([
    'progress.jsonl',
    'start.json',
  ]);
  expect((await leaderboard()).rows.find((row) => row.archive === 'b.tar.gz')!.repeats).toEqual([
    { seed: 1, attempt: 1, verdict: null, reason: 'the evaluator died during it' },
  ]);
});

test('a run that killed its evaluator twice waits for a decision; the others run first and get results', async () => {
  const seconds = uniqueSeconds();
  const gate = join(archives, '../gate');
  await put('a.tar.gz', 'Killer', {
    train: `echo x > "$HAET_OUT_DIR/model"; [ -e ${gate} ] || sleep ${seconds}`,
  });
  const die = async () => {
    const grading = start();
    await saved(seconds);
    grading.child.kill('SIGKILL');
    const { stderr } = await grading.ended;
    await until(() => processesWith(seconds).length === 0);
    return stderr;
  };
  await die();
  await put('b.tar.gz', 'Other');
  expect((await die()).match(/^.*starts$/gm)).toEqual([
    '[2 of 2] b.tar.gz, seed 1  starts',
    '[1 of 2] a.tar.gz, seed 1  starts',
  ]);
  const third = await grade();
  expect(third.code).toBe(30);
  expect(third.stderr).not.toContain('starts');
  expect(third.stderr).toContain('a.tar.gz, seed 1: needs a decision');
  expect(runs().filter((path) => existsSync(join(out, path, 'start.json')))).toHaveLength(2);
  expect(runs().filter((path) => existsSync(join(out, path, 'work')))).toEqual([]);
  expect((await leaderboard()).rows).toMatchObject([
    { rank: 1, archive: 'b.tar.gz' },
    { rank: null, archive: 'a.tar.gz', verdict: null, toDecide: [1] },
  ]);

  await writeFile(gate, '');
  const decided = await grade('--repeat', 'a.tar.gz:1', '--because', 'the power failed');
  expect(decided.code).toBe(0);
  const row = (await leaderboard()).rows.find((each) => each.archive === 'a.tar.gz')!;
  expect(row).toMatchObject({ rank: 1, toDecide: [], decisions: [{ because: 'the power failed' }] });
  expect(row.repeats.map((each) => each.attempt)).toEqual([1, 2]);
  expect(await readFile(join(out, 'public/leaderboard.md'), 'utf8')).toContain('the power failed');
});

test('grade without --sandbox or --trusted is rejected', async () => {
  await put('a.tar.gz', 'Thief', {
    predict: 'cp constant.npy "$HAET_OUT_DIR/predictions.npy"; cp "$HAET_TEST_IMAGES/../../labels.npy" .',
  });
  const words = ['grade', archives, '--track', trackDir, '--out', out];
  const { code, stderr } = await run(...words);
  expect(code).toBe(2);
  expect(stderr).toMatch(
    /^haet: --sandbox is missing. Give --sandbox bubblewrap or --sandbox docker.*--trusted/,
  );
  expect(existsSync(out)).toBe(false);
  expect((await grade()).stderr).toContain('NO ISOLATION');
});

test('--per-team limits the archives that are run per team, however its name is written', async () => {
  const team = (name: string) => ({ manifest: { team: name } });
  await put('a.tar.gz', 'First', team('Cats & Co'));
  await copyFile(join(archives, 'a.tar.gz'), join(archives, 'b.tar.gz'));
  await put('c.tar.gz', 'Second', team('CATS & \uff23o'));
  await put('d.tar.gz', 'Others', team('Dogs'));
  await put('e.tar.gz', 'Third', team('cats & CO'));
  const { code, stderr } = await grade('--per-team', '2');
  expect(code).toBe(0);
  expect(stderr.match(/starts$/gm)).toHaveLength(3);
  const { rows, runs: counted } = await leaderboard();
  expect(counted).toEqual({ wanted: 3, done: 3 });
  expect(rows.at(-1)).toMatchObject({
    archive: 'e.tar.gz',
    rank: null,
    verdict: null,
    runs: [],
    refused: expect.stringContaining("the team's limit is 2 archives"),
  });
});

test('Ctrl-C stops the current run and starts no other, writes the leaderboard, and exits with status 40', async () => {
  const seconds = uniqueSeconds();
  await put('a.tar.gz', 'Before');
  await put('b.tar.gz', 'Stopped', { train: `echo x > "$HAET_OUT_DIR/model"; sleep ${seconds}` });
  await put('c.tar.gz', 'Never');
  const grading = start('--json');
  await saved(seconds);
  process.kill(-grading.child.pid!, 'SIGINT');
  const { code, stdout, stderr } = await grading.ended;
  expect(code).toBe(40);
  expect(processesWith(seconds)).toEqual([]);
  expect(inBrief(JSON.parse(stdout))).toEqual([
    [1, 'a.tar.gz', 'SCORED'],
    [null, 'b.tar.gz', 'ABORTED'],
    [null, 'c.tar.gz', null],
  ]);
  expect(await leaderboard()).toEqual(JSON.parse(stdout));
  expect(stderr).not.toContain('c.tar.gz');
  expect(stderr).toContain('2 of 3 runs have no result yet');
});

test('only one grader works in a folder; a second one names the first, with status 2', async () => {
  const seconds = uniqueSeconds();
  await put('a.tar.gz', 'Slow', { train: `echo x > "$HAET_OUT_DIR/model"; sleep ${seconds}` });
  const first = start();
  await saved(seconds);
  const second = await grade();
  expect(second.code).toBe(2);
  expect(second.stderr).toContain(`process ${first.child.pid} is timing a run on this machine`);
  expect(second.stdout).toBe('');
  first.child.kill('SIGTERM');
  expect((await first.ended).code).toBe(40);
});

test('only one timed run is made on a machine: grading in another folder is rejected, and a dry run warns', async () => {
  await put('a.tar.gz', 'One');
  const unlock = lockMachine();
  if (typeof unlock !== 'function') throw new Error(unlock.fault);
  const says = `rocess ${process.pid} is timing a run on this machine`;
  try {
    const { code, stderr } = await grade();
    expect({ code, said: stderr.includes(says) }).toEqual({ code: 2, said: true });
    expect(existsSync(join(out, 'runs'))).toBe(false);
    const entry = ['--entry', join(archives, 'a.tar.gz'), '--track', trackDir];
    const dry = await run('dry-run', ...entry, '--out', join(out, 'dry'), '--budget', '20');
    expect({ code: dry.code, said: dry.stderr.includes(says) }).toEqual({ code: 0, said: true });
  } finally {
    unlock();
  }
  expect((await grade()).code).toBe(0);
});

test('an entry that changes the Track ends grading, and no other entry is blamed', async () => {
  const own = join(archives, '../track');
  await mkdir(own);
  const track = (await makeTinyTrack(own)).dir;
  await put('a.tar.gz', 'Spoiler', {
    // The sandbox keeps it from the training half, which is read-only.
    train: `echo x > "$HAET_OUT_DIR/model"; echo y > "${track}/labels.npy"`,
  });
  await put('b.tar.gz', 'Innocent');
  const { code, stderr } = await grade('--track', track);
  expect(code).toBe(2);
  expect(stderr).toContain('has changed since the Track was made');
  expect(stderr).not.toContain('    at ');
  expect(inBrief(await leaderboard())).toEqual([
    [null, 'a.tar.gz', 'RULE_VIOLATION'],
    [null, 'b.tar.gz', null],
  ]);
});

test('an archive that changes while others run is not graded as the earlier one', async () => {
  await put('b.tar.gz', 'Original');
  await put('other.tgz', 'Replaced');
  await put('a.tar.gz', 'Changer', {
    train: `echo x > "$HAET_OUT_DIR/model"; cp ${archives}/other.tgz ${archives}/b.tar.gz`,
  });
  const { code, stderr } = await grade();
  expect(code).toBe(30);
  expect(stderr).toContain('b.tar.gz: changed or removed since grading began');
  expect((await leaderboard()).rows.find((row) => row.archive === 'b.tar.gz')).toMatchObject({
    verdict: null,
  });
});

test.each<[string, string[], string]>([
  ['an unknown sandbox', ['--sandbox', 'hope'], 'Allowed choices are process'],
  ['a missing Track', ['--track', '/nowhere'], '/nowhere'],
  ['an --out inside a file', ['--out', `${haet}/out`], 'ENOTDIR'],
  ['no seeds', ['--seeds', '0'], 'an integer from'],
  ['more memory than there is', ['--memory', String(2 ** 50)], 'are reserved for the evaluator'],
  ['a repeat without a reason', ['--repeat', 'a.tar.gz'], '--repeat and --because must be given together'],
  ['a repeat of nothing', ['--repeat', 'z.tar.gz:1', '--because', 'x'], 'no such archive'],
  [
    'the sandbox of the image',
    ['--sandbox', 'user'],
    'Use haet official in the image, or --sandbox bubblewrap or docker',
  ],
  [
    'keys on an open Track',
    ['--images-key', 'none.txt', '--identity', 'none.txt', '--sandbox', 'bubblewrap'],
    'is not sealed',
  ],
  ['one key of the two', ['--identity', 'none.txt'], '--images-key and --identity must be given together'],
  [
    'a commitment without its reveal',
    ['--commitment', 'c.json'],
    '--commitment and --reveal must be given together',
  ],
  [
    'a reveal without its commitment',
    ['--reveal', 'r.json'],
    '--commitment and --reveal must be given together',
  ],
  [
    'a commitment and seeds',
    ['--commitment', 'c.json', '--reveal', 'r.json', '--seeds', '3'],
    'cannot be used',
  ],
  ['a reveal and a seed', ['--commitment', 'c.json', '--reveal', 'r.json', '--seed', '3'], 'cannot be used'],
])('rejects %s in one line, with status 2', async (_, words, named) => {
  await put('a.tar.gz', 'One');
  const { code, stdout, stderr } = await grade(...words);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(existsSync(join(out, 'public/leaderboard.json'))).toBe(false);
  expect(stderr).toMatch(/^haet: /);
  expect(stderr).toContain(named);
  expect(stderr).not.toMatch(/^\s+at /m);
});

test('a folder without archives is reported, and nothing is created', async () => {
  const { code, stderr } = await grade();
  expect(code).toBe(2);
  expect(stderr).toContain(`${archives}: contains no archive`);
  expect(existsSync(out)).toBe(false);
});
